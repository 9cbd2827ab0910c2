"""Rehearsals of campaigns: asked for by people, performed one after the other by a task of `whatsapp_automation`."""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import Actor
from campaigns import services
from campaigns.models import Campaign, CampaignStatus, Rehearsal
from campaigns.report import Report, Step
from messaging.services import NotAllowed

KEPT = 10  # of a campaign, the newest
LOST_AFTER = timedelta(seconds=60)  # without a sign of life
MOST_ATTEMPTS = 3
Status = Rehearsal.Status
UNDER_WAY = (Status.WAITING, Status.RUNNING)


class CannotRehearse(Exception):
    """A rehearsal cannot be performed. The text is for people."""


def ask(*, campaign: Campaign, by: Actor = None) -> Rehearsal:
    """Has a campaign rehearsed as it is now; ask for the task afterwards. Raises `NotAllowed`."""
    services.require(campaign, CampaignStatus.READY, CampaignStatus.SCHEDULED)
    if campaign.frozen_at is None:
        raise NotAllowed(_("Its people are read when it starts. Rehearse a campaign whose people are known."))
    try:
        with transaction.atomic():
            rehearsal = Rehearsal.objects.create(campaign=campaign, created_by=by if isinstance(by, User) else None)
    except IntegrityError as error:
        raise NotAllowed(_("This campaign is being rehearsed already.")) from error
    kept = Rehearsal.objects.filter(campaign=campaign).order_by("-pk").values("pk")[:KEPT]
    Rehearsal.objects.filter(campaign=campaign).exclude(pk__in=list(kept.values_list("pk", flat=True))).delete()
    return rehearsal


def cancel(*, rehearsal: Rehearsal) -> None:
    """Ends a rehearsal that is under way. Raises `NotAllowed`."""
    if not _end(rehearsal.pk, Status.CANCELLED):
        raise NotAllowed(_("This rehearsal is over."))


# -- What the task does --


def take_next() -> Rehearsal | None:
    """The next one to perform, which is then this process's; None while another one is performed, or nothing waits."""
    with transaction.atomic():
        under_way = list(Rehearsal.objects.select_for_update().filter(status__in=UNDER_WAY).order_by("pk"))
        lost = [each for each in under_way if each.status == Status.RUNNING and _is_lost(each)]
        for rehearsal in lost:
            if rehearsal.attempts >= MOST_ATTEMPTS:
                fail(rehearsal.pk, _("It was interrupted several times. Try it again later."))
        if any(each.status == Status.RUNNING and each not in lost for each in under_way):
            return None
        for rehearsal in under_way:
            taken = Rehearsal.objects.filter(pk=rehearsal.pk, status__in=UNDER_WAY).update(
                status=Status.RUNNING, seen_at=now(), attempts=F("attempts") + 1, done=0, moment=None
            )
            if taken:
                return Rehearsal.objects.select_related("campaign").get(pk=rehearsal.pk)
    return None


def _is_lost(rehearsal: Rehearsal) -> bool:
    return rehearsal.seen_at is None or rehearsal.seen_at < now() - LOST_AFTER


def is_waited_for() -> bool:
    """Whether a rehearsal waits for somebody to perform it."""
    lost = Q(status=Status.RUNNING) & (Q(seen_at=None) | Q(seen_at__lt=now() - LOST_AFTER))
    return Rehearsal.objects.filter(Q(status=Status.WAITING) | lost).exists()


def note(rehearsal_id: int, *, moment: datetime | None = None, done: int = 0, people: int = 0) -> bool:
    """Keeps how far it is. False once somebody cancelled it, or it is gone."""
    fields: dict[str, Any] = {"moment": moment, "done": done, "people": people} if moment else {}
    return Rehearsal.objects.filter(pk=rehearsal_id, status=Status.RUNNING).update(seen_at=now(), **fields) > 0


def finish(rehearsal_id: int, result: dict[str, Any]) -> None:
    total = result["people"]
    _end(rehearsal_id, Status.DONE, result=result, done=total, people=total)


def fail(rehearsal_id: int, error: str) -> None:
    _end(rehearsal_id, Status.FAILED, error=error[:300])


def _end(rehearsal_id: int, status: Rehearsal.Status, **fields: Any) -> bool:
    under_way = Rehearsal.objects.filter(pk=rehearsal_id, status__in=UNDER_WAY)
    return under_way.update(status=status, finished_at=now(), **fields) > 0


# -- What came of it --


def report_of(rehearsal: Rehearsal) -> Report:
    """What a report of the campaign would have said after the performance."""
    result = rehearsal.result
    as_of = datetime.fromisoformat(result["as_of"])
    return Report(
        as_of=as_of,
        people=result["people"],
        funnel=[Step(*step) for step in result["funnel"]],
        details=result["details"],
        details_as_of=as_of,
        is_current=True,
    )
