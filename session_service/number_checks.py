"""Finds out whether numbers are on WhatsApp: from what is known, else by asking WhatsApp a few at a time.

Who looks many numbers up is banned, so a sender asks `NUMBER_CHECKS_PER_MINUTE` and `NUMBER_CHECKS_PER_DAY`, and an
answer counts for `NUMBER_CHECK_DAYS`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.locks import Lock
from accounts.models import Organization
from contacts.identities import Identity
from messaging import people
from senders.models import NumberCheck, Sender, SenderStatus
from session_service.questions import NotAnswered, ask

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


@dataclass(frozen=True)
class Answers:
    """What is known by now, by number. Numbers without an entry wait: ask again at `again_at`."""

    found: dict[str, NumberCheck]
    again_at: datetime | None = None


def check(*, organization: Organization, numbers: Sequence[str], sender: Sender | None = None) -> Answers:
    """Looks up numbers in E.164, through the sender or any that is connected. Raises `NotAnswered` where WhatsApp would
    have to be asked and cannot be."""
    found = _known(organization, numbers)
    wanted = [number for number in dict.fromkeys(numbers) if number not in found]
    if not wanted:
        return Answers(found)
    asking = sender or _any_connected(organization)
    allowed, again_at = _reserve(asking, wanted)
    if allowed:
        _write(organization, ask(sender_id=asking.pk, do="check_numbers", numbers=allowed))
        found |= _known(organization, allowed)
    return Answers(found, again_at if len(allowed) < len(wanted) else None)


def _known(organization: Organization, numbers: Sequence[str]) -> dict[str, NumberCheck]:
    since = now() - timedelta(days=settings.NUMBER_CHECK_DAYS)
    checks = NumberCheck.objects.for_organization(organization).filter(
        phone_number__in=numbers, exists__isnull=False, checked_at__gt=since
    )
    return {check.phone_number: check for check in checks}


def _any_connected(organization: Organization) -> Sender:
    connected = Sender.objects.for_organization(organization).filter(
        status=SenderStatus.CONNECTED, paused_at=None, wanted=True
    )
    sender = connected.order_by("?").first()
    if sender is None:
        raise NotAnswered(_("No sender is connected. Connect one first."))
    return sender


def _reserve(sender: Sender, wanted: Sequence[str]) -> tuple[list[str], datetime]:
    """Spends as much of the sender's allowance as there is, before anything is asked. Returns the numbers that may be
    asked about, and when there is an allowance again."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [Lock.NUMBER_CHECK, sender.pk % 2**31])
        moment = now()
        room, again_at = min(
            _room(sender, settings.NUMBER_CHECKS_PER_MINUTE, MINUTE, moment),
            _room(sender, settings.NUMBER_CHECKS_PER_DAY, DAY, moment),
        )
        allowed = list(wanted[:room])
        NumberCheck.objects.bulk_create(
            [
                NumberCheck(
                    organization_id=sender.organization_id, sender=sender, phone_number=number, checked_at=moment
                )
                for number in allowed
            ],
            update_conflicts=True,
            unique_fields=["organization", "phone_number"],
            update_fields=["sender", "exists", "checked_at"],
        )
    return allowed, again_at


def _room(sender: Sender, most: int, span: timedelta, moment: datetime) -> tuple[int, datetime]:
    """How many more the sender may ask now, and when the oldest of those that count will not count any more."""
    asked = NumberCheck.objects.filter(sender=sender, checked_at__gt=moment - span).order_by("checked_at")
    oldest = asked.values_list("checked_at", flat=True).first() or moment
    return max(0, most - asked.count()), oldest + span


def _write(organization: Organization, answers: dict[str, dict[str, object]]) -> None:
    moment = now()
    seen = []
    for number, info in sorted(answers.items()):
        lid = str(info["lid"])
        NumberCheck.objects.for_organization(organization).filter(phone_number=number).update(
            exists=bool(info["exists"]), lid=lid, wire_number=info["wire_number"], checked_at=moment
        )
        if lid:
            seen.append(Identity(number, lid, is_new_contact=False))
    people.learn(organization_id=organization.pk, seen=seen)
