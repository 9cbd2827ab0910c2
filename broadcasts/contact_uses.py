"""What broadcasts have to say about whether a contact is needed still."""

from django.utils.translation import gettext as _

from contacts.uses import Use

ON_A_LIST = Use(
    name="on a broadcast list",
    words=lambda: _("they are on a broadcast list, or get a reminder"),
    condition="""(
        contact.phone_number <> '' AND (EXISTS (
            SELECT FROM broadcasts_broadcastmember AS member
            JOIN broadcasts_broadcastlist AS list ON list.id = member.broadcast_list_id
            WHERE list.organization_id = contact.organization_id AND member.phone_number = contact.phone_number
        ) OR EXISTS (
            SELECT FROM broadcasts_reminder AS reminder
            WHERE reminder.organization_id = contact.organization_id AND reminder.phone_number = contact.phone_number
        ))
    )""",
)
