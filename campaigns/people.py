"""The people of a campaign, found by what became of their message and by what they did: for the page, the API and exports.

Read from one person on to the next ones (a keyset), so that the thousandth page of a million costs what the first one does.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.models import Campaign
from messaging.models import BatchOptOut, BatchReply, Click, Message, MessageStatus
from messaging.progress import LEFT_STATUSES

STATUSES: Final = {status.label: status for status in MessageStatus if status != MessageStatus.RECEIVED}
_ANSWERED = Exists(BatchReply.objects.filter(message=OuterRef("pk")))
_CLICKED = Exists(Click.objects.filter(message=OuterRef("pk"), is_bot=False))
_LEFT = Q(status__in=LEFT_STATUSES)
_CONDITIONS: Final[dict[str, Any]] = {
    "read": Q(status=MessageStatus.READ),
    "not_read": Q(status__in=[MessageStatus.SENT, MessageStatus.DELIVERED]),
    "replied": _ANSWERED,
    "not_replied": _LEFT & ~_ANSWERED,
    "clicked": _CLICKED,
    "not_clicked": _LEFT & ~_CLICKED,
    "opted_out": Exists(BatchOptOut.objects.filter(message=OuterRef("pk"))),
}
DID: Final[dict[str, Promise]] = {
    "read": gettext_lazy("Read it"),
    "not_read": gettext_lazy("Did not read it"),
    "replied": gettext_lazy("Replied"),
    "not_replied": gettext_lazy("Did not reply"),
    "clicked": gettext_lazy("Clicked"),
    "not_clicked": gettext_lazy("Did not click"),
    "opted_out": gettext_lazy("Opted out"),
}


@dataclass(frozen=True)
class PeopleFilter:
    """Conditions that all hold; an empty one says nothing. `reason` is an error code or, of who was skipped, the reason;
    None asks for any, an empty text for messages without one. `number` is how a phone number begins."""

    status: str = ""
    reason: str | None = None
    did: str = ""
    variant: int | None = None
    number: str = ""

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> "PeopleFilter":
        """From an address. Raises `ValidationError` by parameter."""
        status, did, variant = query.get("status", ""), query.get("did", ""), query.get("variant", "")
        if status and status not in STATUSES:
            text = _("There is no status %(status)s. Statuses are %(all)s.")
            raise ValidationError({"status": text % {"status": status, "all": ", ".join(STATUSES)}})
        if did and did not in DID:
            raise ValidationError({"did": _("Write one of %(all)s.") % {"all": ", ".join(DID)}})
        if variant and not (variant.isdecimal() and len(variant) < 18):
            raise ValidationError({"variant": _("Write the number of a variant.")})
        return cls(
            status=status,
            reason=query.get("reason"),
            did=did,
            variant=int(variant) if variant else None,
            number=_digits(query.get("number", "")),
        )

    @property
    def only_status(self) -> bool:
        """Whether the counters know how many there are."""
        return self == replace(PeopleFilter(), status=self.status)


def _digits(written: str) -> str:
    digits = "".join(character for character in written if character.isdecimal())
    return f"+{digits}" if digits else ""


def found(campaign: Campaign, wanted: PeopleFilter) -> QuerySet[Message]:
    """The messages of these people, in the order in which an index gives them: by number; by id where they ended
    without leaving. Erased people are not among the former: they have no number any more."""
    messages = Message.objects.filter(batch=campaign.batch_id)
    status = STATUSES.get(wanted.status)
    if status is not None:
        messages = messages.filter(status=status)
    if wanted.reason is not None:
        column = "skip_reason" if status == MessageStatus.SKIPPED else "error_code"
        messages = messages.filter(**{column: wanted.reason})
    if wanted.did:
        messages = messages.filter(_CONDITIONS[wanted.did])
    if wanted.variant is not None:
        messages = messages.filter(variant=wanted.variant)
    if wanted.number:
        # The end of what begins so, as numbers are compared by characters.
        messages = messages.filter(phone_number__gte=wanted.number, phone_number__lt=f"{wanted.number}:")
    if is_by_id(wanted):
        return messages.filter(stage=status).order_by("pk")
    return messages.exclude(phone_number="").order_by("phone_number")


def is_by_id(wanted: PeopleFilter) -> bool:
    return bool(wanted.status) and STATUSES[wanted.status] >= MessageStatus.FAILED and not wanted.number


def after(messages: QuerySet[Message], wanted: PeopleFilter, message_id: int | None) -> QuerySet[Message]:
    """Those that follow the one with this id; all where it is None or none of the campaign's."""
    if message_id is None:
        return messages
    if is_by_id(wanted):
        return messages.filter(pk__gt=message_id)
    number = Message.objects.filter(pk=message_id).values_list("phone_number", flat=True).first()
    return messages.filter(phone_number__gt=number) if number else messages
