"""Reads of senders that pages and the API share."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from senders import quota
from senders.models import Sender, SenderStatus

PERIODS: dict[str, str | Promise] = {
    "minute": _("This minute"),
    "hour": _("This hour"),
    "day": _("Today"),
}


@dataclass(frozen=True)
class QuotaUse:
    """Messages that a sender leased in the present period, and how many it may (None: no limit; warm-up counts)."""

    period: str
    label: str | Promise
    used: int
    limit: int | None

    @property
    def is_spent(self) -> bool:
        return self.limit is not None and self.used >= self.limit


def senders_of(organization: Organization) -> QuerySet[Sender]:
    return Sender.objects.for_organization(organization).select_related("organization").order_by("name", "pk")


def quota_use_of(senders: Iterable[Sender]) -> dict[int, list[QuotaUse]]:
    """For each sender (by id) its use of the present minute, hour and day, in one query."""
    now_of = quota.quotas_now([sender.pk for sender in senders])
    return {
        sender_id: [
            QuotaUse(period, label, found.used[period], found.limits[period]) for period, label in PERIODS.items()
        ]
        for sender_id, found in now_of.items()
    }


def why_no_code(sender: Sender) -> str:
    """What to tell somebody who asks for the QR code of a sender that shows none."""
    if sender.wanted and sender.pairing_number:
        return gettext("“%(name)s” shows a pairing code, because a number to pair was given.") % {"name": sender.name}
    if sender.status == SenderStatus.CONNECTED:
        return gettext("“%(name)s” is linked already: there is no QR code to scan.") % {"name": sender.name}
    if sender.wanted:
        return gettext("The QR code of “%(name)s” is not ready yet. Try again in a second.") % {"name": sender.name}
    return gettext("“%(name)s” is not connected. Connect it first, then scan its QR code.") % {"name": sender.name}


def why_no_pairing_code(sender: Sender) -> str:
    """What to tell somebody who asks for the pairing code of a sender that shows none."""
    if sender.status == SenderStatus.CONNECTED:
        return gettext("“%(name)s” is linked already: there is no code to type.") % {"name": sender.name}
    if sender.wanted and sender.pairing_number:
        return gettext("The pairing code of “%(name)s” is not ready yet. Try again in a second.") % {
            "name": sender.name
        }
    return gettext("“%(name)s” shows no pairing code. Connect it with the number of the phone.") % {
        "name": sender.name
    }
