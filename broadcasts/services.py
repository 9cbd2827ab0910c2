"""Making broadcast lists, sending to them, and sending to many people at once."""

from collections.abc import Collection, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import Organization, User
from accounts.services import Actor, record
from broadcasts import members
from broadcasts.models import GROUP_SIZE, Broadcast, BroadcastList, BulkSend
from contacts.phone_numbers import find_mobile
from messaging import sends
from messaging.models import Batch, BatchStatus, SkipReason
from messaging.recipients import Recipient
from messaging.sends import SendPlan
from messaging.services import NotAllowed
from senders.models import Sender, SenderStatus

MOST_RECIPIENTS = 100_000  # of one bulk send
LONGEST_NAME = 120
LONGEST_GAP_SECONDS = 24 * 3600
UNDER_WAY = (BatchStatus.RUNNING, BatchStatus.PAUSED)

# -- Broadcast lists --


def create_list(
    *,
    organization: Organization,
    name: str,
    sender: Sender | None = None,
    gap_seconds: int = 10,
    numbers: Collection[str] = (),
    by: Actor = None,
) -> BroadcastList:
    """A list with these numbers (E.164) on it. Raises `ValidationError` by field."""
    with transaction.atomic():
        made = BroadcastList(organization=organization, sender=sender, gap_seconds=_gap(gap_seconds), name=_name(name))
        made.created_by = by if isinstance(by, User) else None
        _save(made)
        added = members.add(broadcast_list=made, numbers=numbers)
        record(organization=organization, by=by, action="broadcasts.list_created", target=made.name, people=added)
    return made


def change_list(
    *, broadcast_list: BroadcastList, name: str, sender: Sender | None, gap_seconds: int, by: Actor = None
) -> None:
    """Raises `ValidationError` by field. What is under way stays as it was when it was sent."""
    with transaction.atomic():
        broadcast_list.name, broadcast_list.sender = _name(name), sender
        broadcast_list.gap_seconds = _gap(gap_seconds)
        _save(broadcast_list)
        organization = broadcast_list.organization
        record(organization=organization, by=by, action="broadcasts.list_changed", target=broadcast_list.name)


def add_members(*, broadcast_list: BroadcastList, numbers: Collection[str], by: Actor = None) -> int:
    """Gives how many are new on it."""
    return _recorded(members.add(broadcast_list=broadcast_list, numbers=numbers), "added", broadcast_list, by)


def remove_members(*, broadcast_list: BroadcastList, numbers: Collection[str], by: Actor = None) -> int:
    """Gives how many were on it."""
    return _recorded(members.remove(broadcast_list=broadcast_list, numbers=numbers), "removed", broadcast_list, by)


def _recorded(number: int, what: str, broadcast_list: BroadcastList, by: Actor) -> int:
    if number:
        action = f"broadcasts.people_{what}"
        record(
            organization=broadcast_list.organization, by=by, action=action, target=broadcast_list.name, people=number
        )
    return number


def delete_list(*, broadcast_list: BroadcastList, by: Actor = None) -> None:
    """The list goes; what was sent to it stays. Raises `NotAllowed` while something to it is under way."""
    with transaction.atomic():
        BroadcastList.objects.select_for_update().get(pk=broadcast_list.pk)
        if broadcast_list.broadcasts.filter(batch__status__in=UNDER_WAY).exists():
            raise NotAllowed(_("A broadcast to this list is under way. Cancel it first, or wait until it is over."))
        organization, name = broadcast_list.organization, broadcast_list.name
        broadcast_list.delete()
        record(organization=organization, by=by, action="broadcasts.list_deleted", target=name)


def _name(written: str) -> str:
    name = " ".join(written.replace("\x00", "").split())
    if not name:
        raise ValidationError({"name": _("Give the list a name.")})
    if len(name) > LONGEST_NAME:
        raise ValidationError({"name": _("A name may have %(most)s characters.") % {"most": LONGEST_NAME}})
    return name


def _gap(seconds: int) -> int:
    if not 0 <= seconds <= LONGEST_GAP_SECONDS:
        raise ValidationError({"gap_seconds": _("Choose from 0 seconds to 24 hours.")})
    return seconds


def _save(broadcast_list: BroadcastList) -> None:
    try:
        with transaction.atomic():
            broadcast_list.save()
    except IntegrityError as error:
        raise ValidationError({"name": _("Another broadcast list has this name.")}) from error


def send_broadcast(
    *,
    broadcast_list: BroadcastList,
    idempotency_key: str | None = None,
    by: Actor = None,
    **said: Any,
) -> Broadcast:
    """Sends to everybody who is on the list at this moment, group by group; `said` as in `SendPlan`. A repeat with the
    same key gives the first broadcast. Ask for a planner pass afterwards.

    Raises `sends.InvalidPlan`, or `NotAllowed` for an empty list or a key that was used for something else.
    """
    organization = broadcast_list.organization
    plan = SendPlan(
        senders=[broadcast_list.sender] if broadcast_list.sender else senders_of(organization),
        wave_gap_ms=broadcast_list.gap_seconds * 1000,
        **said,
    )
    with transaction.atomic():
        BroadcastList.objects.select_for_update().get(pk=broadcast_list.pk)  # nobody changes its groups meanwhile
        places = broadcast_list.members.order_by("position").values_list("phone_number", "position")
        people = [Recipient(number, wave=position // GROUP_SIZE) for number, position in places]
        if not people:
            raise NotAllowed(_("Nobody is on this list. Add people first."))
        batch = sends.send(
            organization=organization,
            origin=Batch.Origin.BROADCAST,
            plan=plan,
            people=people,
            idempotency_key=idempotency_key,
            stands_for=f"broadcast list {broadcast_list.pk}",
        )
        broadcast, is_new = Broadcast.objects.get_or_create(
            batch=batch,
            defaults={
                "organization": organization,
                "broadcast_list": broadcast_list,
                "list_name": broadcast_list.name,
                "created_by": by if isinstance(by, User) else None,
            },
        )
        if is_new:
            target, number = broadcast_list.name, len(people)
            record(organization=organization, by=by, action="broadcasts.sent", target=target, people=number)
    return broadcast


# -- Many at once --


def senders_of(organization: Organization, *, connected: bool = False) -> list[Sender]:
    """Those that a send without named senders goes out from; with `connected` those only that are at this moment."""
    found = Sender.objects.for_organization(organization).order_by("pk")
    return list(found.filter(status=SenderStatus.CONNECTED, wanted=True) if connected else found)


def recipients(organization: Organization, asked: Sequence[tuple[str, str]]) -> list[Recipient]:
    """Who was asked for, as (number as written, own text or empty), in this order. A number that cannot be used, or that
    stands there twice, is skipped with the reason; the others are not held up by it."""
    region = organization.default_region
    first_places: dict[str, int] = {}
    found = []
    for place, (written, text) in enumerate(asked, 1):
        number = find_mobile(written, region)
        if number is None:
            shown = " ".join(written.replace("\x00", "").split())[:40]
            error = _("“%(written)s” is not a possible mobile number.") % {"written": shown}
            found.append(Recipient("", text, reason=SkipReason.INVALID_NUMBER, error=error))
        elif number in first_places:
            error = _("The same number as recipient %(place)s.") % {"place": first_places[number]}
            found.append(Recipient("", text, reason=SkipReason.DUPLICATE, error=error))
        else:
            first_places[number] = place
            found.append(Recipient(number, text))
    return found


def send_bulk(
    *,
    organization: Organization,
    people: Sequence[Recipient],
    plan: SendPlan,
    name: str = "",
    repeat: bool = False,
    idempotency_key: str | None = None,
    by: Actor = None,
) -> tuple[BulkSend, list[Batch]]:
    """Sends to many people at once. The senders share them; with `repeat` everybody gets the message from every sender.
    A repeat with the same key gives what was made first. Ask for a planner pass afterwards.

    Raises `sends.InvalidPlan`, or `NotAllowed` for a key that was used for something else.
    """
    if len(people) > MOST_RECIPIENTS:
        most = f"{MOST_RECIPIENTS:,}"
        raise sends.InvalidPlan("to", _("At most %(most)s recipients fit into one bulk send.") % {"most": most})
    sends.check(plan, organization=organization)
    plans = [plan]
    if repeat:
        plans = [SendPlan(**{**vars(plan), "senders": [sender]}) for sender in plan.senders]
    with transaction.atomic():
        batches = [
            sends.send(
                organization=organization,
                origin=Batch.Origin.BULK,
                plan=each,
                people=people,
                idempotency_key=_key(idempotency_key, each, repeat=repeat),
            )
            for each in plans
        ]
        made = BulkSend.objects.filter(batches=batches[0]).first()
        if made is None:
            made = BulkSend.objects.create(
                organization=organization,
                name=name.strip()[:LONGEST_NAME],
                way=BulkSend.Way.REPEATED if repeat else BulkSend.Way.SHARED,
                created_by=by if isinstance(by, User) else None,
            )
            made.batches.set(batches)
            record(
                organization=organization, by=by, action="broadcasts.bulk_sent", target=str(made), people=len(people)
            )
    return made, batches


def _key(key: str | None, plan: SendPlan, *, repeat: bool) -> str | None:
    """Of several batches under one key each has one of its own."""
    return f"{key}:{plan.senders[0].pk}" if key and repeat else key
