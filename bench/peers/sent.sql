-- $1 recipient, $2 sender, $3 text, $4 WhatsApp id. The joins lock the campaign, which all jobs share, last.
WITH marked AS (
    UPDATE recipient SET status = 'sent', sender_id = $2, text = $3, whatsapp_id = $4, sent_at = now()
    WHERE id = $1 AND status = 'pending' RETURNING id, campaign_id
), logged AS (
    INSERT INTO message_log (recipient_id, sender_id, whatsapp_id, text) SELECT id, $2, $4, $3 FROM marked RETURNING id
), counted AS (
    UPDATE sender SET sent = sent + 1 WHERE id = $2 RETURNING id
)
UPDATE campaign SET sent = sent + 1 FROM marked, logged, counted WHERE campaign.id = marked.campaign_id
