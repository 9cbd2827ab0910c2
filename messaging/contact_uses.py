"""What messages have to say about whether a contact is needed still."""

from django.utils.translation import gettext as _

from contacts.uses import Use

MESSAGED = Use(
    name="messaged",
    words=lambda: _("messages were written to them or by them, or are planned"),
    condition="""(
        contact.phone_number <> '' AND EXISTS (
            SELECT FROM messaging_message AS message
            WHERE message.organization_id = contact.organization_id AND message.phone_number = contact.phone_number
        ) OR contact.lid <> '' AND EXISTS (
            SELECT FROM messaging_message AS message
            WHERE message.organization_id = contact.organization_id AND message.lid = contact.lid AND message.lid <> ''
        )
    )""",
)
