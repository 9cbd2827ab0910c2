"""Starting, pausing and stopping batches, and sending single messages."""

from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Coalesce
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.models import Organization
from messaging import counts, planner, progress, recall
from messaging.counts import Changes
from messaging.kinds import Kind
from messaging.models import Batch, BatchStatus, Group, Media, Message, MessageStatus, Priority
from senders.models import Sender

CANCELLED_AT_ONCE = 20_000  # the planner cancels the rest of a larger batch


class NotAllowed(Exception):
    """The request makes no sense in the present state. The message is for the person who asked."""


def start_batch(*, batch: Batch) -> None:
    """Lets the planner queue the batch's messages. Raises `NotAllowed` where there is nobody to send or to send to."""
    if not batch.senders.exists():
        raise NotAllowed(_("Choose at least one sender first."))
    if not counts.of_batches([batch.pk])[batch.pk].get((MessageStatus.PENDING, "")):
        raise NotAllowed(_("There is nobody to send to: every recipient was skipped, or the list is empty."))
    _change(batch, [BatchStatus.READY], BatchStatus.RUNNING, _("Only a batch that is ready can be started."))
    Batch.objects.filter(pk=batch.pk).update(started_at=now())


def pause_batch(*, batch: Batch, reason: str = "") -> None:
    """Nothing more is leased once this is committed: what is queued returns to `pending`, at most a minute's worth.

    A message that was leased before stays with its sender, because it may have left; it waits as `queued`.
    """
    with transaction.atomic():
        _change(
            batch, [BatchStatus.RUNNING], BatchStatus.PAUSED, _("Only a running batch can be paused."), reason=reason
        )
        changes = Changes()
        recall.take_back_queued(changes, batch_id=batch.pk)
        changes.save()
    progress.publish({batch.pk}, at_once=True)


def resume_batch(*, batch: Batch) -> None:
    _change(batch, [BatchStatus.PAUSED], BatchStatus.RUNNING, _("Only a paused batch can be resumed."))
    progress.publish({batch.pk}, at_once=True)


def cancel_batch(*, batch: Batch) -> None:
    """Ends the batch. What has not left is `cancelled`; what was leased and is not settled becomes `unknown`."""
    with transaction.atomic():
        _change(
            batch,
            [BatchStatus.READY, BatchStatus.RUNNING, BatchStatus.PAUSED],
            BatchStatus.CANCELLED,
            _("This batch has already ended."),
        )
        changes = Changes()
        recall.take_back_queued(changes, batch_id=batch.pk)
        _give_up_retries(batch.pk, changes)
        planner.cancel_pending(batch.pk, changes, CANCELLED_AT_ONCE)
        changes.save()
    progress.publish({batch.pk}, at_once=True)


def _change(batch: Batch, before: list[BatchStatus], after: BatchStatus, complaint: str, *, reason: str = "") -> None:
    """Changes the status only if it is still one of `before`: of two people who press at once, one is told."""
    changed = Batch.objects.filter(pk=batch.pk, status__in=before).update(status=after, status_reason=reason)
    if not changed:
        raise NotAllowed(complaint)
    batch.status, batch.status_reason = after, reason


def _give_up_retries(batch_id: int, changes: Changes) -> None:
    """Ends what waits for another attempt: `failed` where the last one is known not to have left, else `unknown`."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE messaging_message SET status = CASE WHEN error_code = '' THEN %s ELSE %s END, ended_at = now()
            WHERE batch_id = %s AND stage = %s AND attempts > 0 RETURNING status
            """,
            [MessageStatus.UNKNOWN, MessageStatus.FAILED, batch_id, MessageStatus.QUEUED],
        )
        for (status,) in cursor.fetchall():
            changes.move(batch_id, MessageStatus.QUEUED, status)


def send_message(
    *,
    organization: Organization,
    to: str = "",
    text: str = "",
    sender: Sender | None = None,
    idempotency_key: str | None = None,
    kind: str = Kind.TEXT,
    content: dict[str, Any] | None = None,
    media: Media | None = None,
    group: Group | None = None,
    lid: str = "",
    send_at: datetime | None = None,
) -> Message:
    """Accepts one message for the next planner pass, ahead of campaigns: to a number (E.164 with a plus), to a group
    through its sender, or to a person who is known by LID only. `content` is as in `messaging.kinds`. With `send_at` it
    waits until then, and can be cancelled as long as it waits.

    With a key that was used before, gives the message it made then; raises `NotAllowed` if that one differs.
    """
    wanted = Message(
        organization=organization,
        sender=group.sender if group is not None else sender,
        phone_number=to,
        lid=lid,
        group=group,
        kind=kind,
        text=text,
        content=content or {},
        media=media,
        status=MessageStatus.PENDING,
        priority=Priority.INTERACTIVE,
        idempotency_key=idempotency_key or None,
        **({} if send_at is None else {"due_at": send_at}),
    )
    try:
        with transaction.atomic():
            wanted.save(force_insert=True)
    except IntegrityError:
        earlier = message_of_key(organization=organization, idempotency_key=idempotency_key)
        if earlier is None:
            raise
        if any(getattr(earlier, name) != getattr(wanted, name) for name in _SAID):
            raise NotAllowed(_("This idempotency key was used for a different message.")) from None
        return earlier
    return wanted


_SAID = ("phone_number", "lid", "group_id", "kind", "text", "content", "media_id")


def message_of_key(*, organization: Organization, idempotency_key: str | None) -> Message | None:
    """The message that was made with this idempotency key."""
    if not idempotency_key:
        return None
    return Message.objects.for_organization(organization).filter(idempotency_key=idempotency_key).first()


def cancel_message(*, message: Message) -> None:
    """A message that was never handed to a worker never leaves. Raises `NotAllowed` where it may have left, or has ended."""
    with transaction.atomic():
        present = Message.objects.select_for_update(of=("self",)).get(pk=message.pk)
        if present.status not in (MessageStatus.PENDING, MessageStatus.QUEUED) or present.attempts:
            raise NotAllowed(
                _("It is too late to cancel this message: it is %(status)s.")
                % {"status": present.get_status_display()}
            )
        Message.objects.filter(pk=present.pk).update(status=MessageStatus.CANCELLED, ended_at=now())
        changes = Changes()
        changes.move(present.batch_id, present.status, MessageStatus.CANCELLED)
        changes.save()
    progress.publish(changes.batch_ids)


def retry_dead_letters(
    *, organization: Organization, message_ids: list[int] | None = None, batch: Batch | None = None
) -> int:
    """Gives messages that ran out of tries another three, through the same sender and under the same id, because an
    earlier try may have left after all. Each message once. Without ids, all of the batch or else of the organization.

    Returns how many will be tried. Passes over those that were retried before, that have lost their sender, or whose
    batch was cancelled; a batch that was completed runs again.
    """
    changes = Changes()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            WITH dead AS (
                SELECT message.id FROM messaging_message AS message
                LEFT JOIN messaging_batch AS batch ON batch.id = message.batch_id
                WHERE message.organization_id = %(organization)s AND message.exhausted AND message.retried_at IS NULL
                    AND message.sender_id IS NOT NULL AND (batch.id IS NULL OR batch.status <> 'cancelled')
                    AND (%(ids)s::bigint[] IS NULL OR message.id = ANY(%(ids)s::bigint[]))
                    AND (%(batch)s::bigint IS NULL OR message.batch_id = %(batch)s)
                ORDER BY message.id FOR UPDATE OF message
            )
            UPDATE messaging_message AS message SET status = %(queued)s, attempts = 0, exhausted = FALSE,
                retried_at = now(), due_at = now(), ended_at = NULL
            FROM dead WHERE message.id = dead.id RETURNING message.batch_id
            """,
            {
                "organization": organization.pk,
                "ids": message_ids,
                "batch": batch.pk if batch is not None else None,
                "queued": MessageStatus.QUEUED,
            },
        )
        batch_ids = [row[0] for row in cursor.fetchall()]
        for batch_id in batch_ids:
            changes.move(batch_id, MessageStatus.FAILED, MessageStatus.QUEUED)
        changes.save()
        Batch.objects.filter(pk__in=set(batch_ids), status=BatchStatus.COMPLETED).update(
            status=BatchStatus.RUNNING, finished_at=None
        )
    progress.publish(changes.batch_ids, at_once=True)
    return len(batch_ids)


def settle_unknown(*, message: Message, arrived: bool) -> None:
    """A person says what became of an `unknown` message, having looked at the phone. Raises `NotAllowed` otherwise."""
    status = MessageStatus.SENT if arrived else MessageStatus.FAILED
    changes = Changes()
    with transaction.atomic():
        changed = Message.objects.filter(pk=message.pk, status=MessageStatus.UNKNOWN).update(
            status=status,
            sent_at=Coalesce("sent_at", "leased_at") if arrived else F("sent_at"),
            error_code="" if arrived else "settled_by_hand",
            ended_at=None if arrived else now(),
        )
        if not changed:
            raise NotAllowed(_("It is known by now what became of this message."))
        changes.move(message.batch_id, MessageStatus.UNKNOWN, status)
        changes.save()
    progress.publish(changes.batch_ids, at_once=True)


def mend_counters(*, organization: Organization) -> list[int]:
    """Compares the counters of batches that ended in the last two days with a recount, and rebuilds what differs.

    Returns the ids of the batches that were wrong: there should never be one.
    """
    mended = []
    ended = Batch.objects.for_organization(organization).filter(finished_at__gt=now() - timedelta(days=2))
    for batch_id in ended.values_list("pk", flat=True):
        if not counts.are_true(batch_id):
            with transaction.atomic(), connection.cursor() as cursor:
                # Late receipts still come in: no writer may be between its rows and its counts meanwhile.
                cursor.execute("LOCK TABLE messaging_batchcount IN SHARE ROW EXCLUSIVE MODE")
                counts.rebuild(batch_id)
            mended.append(batch_id)
    return mended
