"""What segments of contacts can ask about messages.

`wrote` goes by when the message came in; the others by when the message was sent, so that an index serves them which
receipts do not touch: "opened a message sent in the last 30 days".
"""

from django.utils.translation import gettext_lazy as _

from contacts.segments.fields import Field, Group, Kind, register
from messaging.models import MessageStatus

_WROTE = """SELECT phone_number FROM messaging_message
    WHERE organization_id = %(organization)s AND direction = 'in' AND group_id IS NULL AND phone_number <> ''
        AND created_at >= %(since)s"""
# `stage`, because the index knows no other; it stays the same from sent to read.
_SENT = f"""SELECT phone_number FROM messaging_message
    WHERE organization_id = %(organization)s AND direction = 'out' AND group_id IS NULL AND phone_number <> ''
        AND stage = {MessageStatus.SENT.value} AND sent_at >= %(since)s"""


def register_fields() -> None:
    """Called once, when the apps are ready."""
    register(
        Field("wrote", _("wrote"), Kind.ACTIVITY, Group.ACTIVITY, label_not=_("did not write"), people=_WROTE),
        Field("sent", _("was messaged"), Kind.ACTIVITY, Group.ACTIVITY, label_not=_("was not messaged"), people=_SENT),
        Field(
            "delivered",
            _("received a message sent"),
            Kind.ACTIVITY,
            Group.ACTIVITY,
            label_not=_("did not receive a message sent"),
            people=f"{_SENT} AND status >= {MessageStatus.DELIVERED.value}",
        ),
        Field(
            "opened",
            _("opened a message sent"),
            Kind.ACTIVITY,
            Group.ACTIVITY,
            label_not=_("did not open a message sent"),
            people=f"{_SENT} AND status = {MessageStatus.READ.value}",
        ),
    )
