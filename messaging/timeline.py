"""All messages to and from a person, for the timeline of their contact."""

from collections.abc import Sequence

from django.db.models import DateTimeField, F, Q
from django.db.models.functions import Coalesce

from contacts.timeline import Entry, Position, Source, Whose
from messaging.models import Message

TEMPLATE = "contacts/timeline/message.html"


def _messages(whose: Whose, position: Position | None, most: int) -> Sequence[Entry]:
    """At the moment at which each left, ended or came. One person's messages are few enough to be sorted."""
    theirs = Q(phone_number__in=whose.numbers) | Q(phone_number="", lid__in=whose.lids)
    rows = (
        Message.objects.for_organization(whose.organization).filter(theirs).select_related("media", "sender", "group")
    )
    rows = rows.annotate(at=Coalesce("sent_at", "ended_at", "created_at", output_field=DateTimeField()))
    if position is not None:
        rows = rows.filter(Q(at__lt=position.at) | Q(at=position.at, pk__lt=position.id))
    return [_entry(message) for message in rows.order_by(F("at").desc(), "-pk")[:most]]


def _entry(message: Message) -> Entry:
    return Entry(
        at=message.at,  # type: ignore[attr-defined]
        id=message.pk,
        template=TEMPLATE,
        value=message,
        data={
            "direction": message.direction,
            "kind": message.kind,
            "text": message.text,
            "status": message.get_status_display(),
            "sender": message.sender_id,
            "batch": message.batch_id,
            "group": message.group_id,
        },
    )


MESSAGES = Source("message", 1, "messages.view", _messages)
