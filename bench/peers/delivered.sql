-- $1 WhatsApp id.
WITH marked AS (
    UPDATE recipient SET status = 'delivered', delivered_at = now() WHERE whatsapp_id = $1 AND status = 'sent'
    RETURNING campaign_id
)
UPDATE campaign SET delivered = delivered + 1 FROM marked WHERE campaign.id = marked.campaign_id
