"""What a schedule's due time leaves behind: its occurrence, and the copy of a campaign that repeats."""

from datetime import datetime, timedelta
from typing import TypeVar

from django.db import connection

from accounts.models import User
from campaigns.models import Campaign, Occurrence, Schedule
from messaging.models import Batch, BatchCount
from messaging.variants import plans

LONGEST_NAME = 120
NOT_COPIED_OF_BATCH = frozenset({"id", "status", "status_reason", "created_at", "started_at", "finished_at"})
NOT_COPIED = frozenset(
    {
        *("id", "name", "batch", "list_import", "start_when_ready", "frozen_at", "error", "merged", "invalid_rows"),
        *("segment_summary", "created_by", "created_at", "is_draft", "version", "archived_at"),
    }
)
Copied = TypeVar("Copied", Batch, Campaign)


def take(
    schedule: Schedule, at: datetime, outcome: str, campaign: Campaign | None = None, reason: str = ""
) -> Occurrence:
    """Writes down that a due time was taken, and when what is started then has to end. A second time for one due
    time breaks a constraint."""
    stop_at = schedule.stop_at
    if schedule.repeats and schedule.stop_after_minutes:
        stop_at = at + timedelta(minutes=schedule.stop_after_minutes)
    return Occurrence.objects.create(
        organization_id=schedule.organization_id,
        schedule=schedule,
        at=at,
        outcome=outcome,
        campaign=campaign,
        reason=reason[:300],
        stop_action=schedule.stop_action if campaign else "",
        stop_at=stop_at if campaign and schedule.stop_action else None,
        notice_due=outcome in (Occurrence.Outcome.MISSED, Occurrence.Outcome.FAILED),
    )


def end_schedule(campaign: Campaign) -> None:
    """Nothing of it comes any more; what came stays on record. The caller holds the campaign's lock."""
    Schedule.objects.filter(campaign=campaign).update(next_at=None, state=Schedule.State.ENDED)


def copy_campaign(*, campaign: Campaign, name: str, by: User | None, start: bool) -> Campaign:
    """A new campaign with the text, senders, pace and source of the audience of another one, whose people it reads
    afresh. It has to be prepared. An uploaded sheet is not copied."""
    batch = _copied(campaign.batch, NOT_COPIED_OF_BATCH)
    batch.save(force_insert=True)
    copied = _copied(campaign, NOT_COPIED)
    copied.name, copied.batch, copied.created_by, copied.start_when_ready = name[:LONGEST_NAME], batch, by, start
    copied.save(force_insert=True)
    for former, new in ((campaign.batch, batch), (campaign, copied)):
        for field in former._meta.many_to_many:
            getattr(new, field.name).set(getattr(former, field.name).all())
    plans.set_plan(batch=batch, plan=plans.plan_of(campaign.batch))
    return copied


def _copied(row: Copied, left_out: frozenset[str]) -> Copied:
    """A row that is not saved, with all that is stored of another one except `left_out`."""
    fields = [field for field in row._meta.concrete_fields if field.name not in left_out]
    return type(row)(**{field.attname: getattr(row, field.attname) for field in fields})


def forget_audience(campaign: Campaign) -> None:
    """Deletes the messages of a campaign that never began, so that its audience can be fixed anew."""
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM messaging_message USING messaging_batch AS batch"
            " WHERE batch_id = batch.id AND batch.id = %s AND batch.started_at IS NULL",
            [campaign.batch_id],
        )
    BatchCount.objects.filter(batch_id=campaign.batch_id, batch__started_at=None).delete()
