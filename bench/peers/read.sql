-- $1 WhatsApp id.
WITH marked AS (
    UPDATE recipient SET status = 'read', read_at = now() WHERE whatsapp_id = $1 AND status = 'delivered'
    RETURNING campaign_id
)
UPDATE campaign SET read = read + 1 FROM marked WHERE campaign.id = marked.campaign_id
