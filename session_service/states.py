"""Writes what a session is, as its owner sees it, and what follows for the sender's queue."""

import logging
from dataclasses import replace

from django.db import connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from accounts import live
from accounts.services import record
from messaging import recall
from messaging.counts import Changes
from messaging.models import MessageStatus
from senders import linking
from senders.models import Sender, SenderStatus
from senders.tasks import send_pause_notice
from session_service import leases, registry
from session_service.providers.base import PairingCode, QrCode, SessionState

logger = logging.getLogger(__name__)

WAITS_AFTER = 10.0  # seconds; a sender moves or is taken over in less

# A person must act before the session is opened again, so nobody goes on wanting it.
ENDED = {SenderStatus.LOGGED_OUT, SenderStatus.BANNED, SenderStatus.REPLACED, SenderStatus.DISCONNECTED}
# What may have left through these never will be settled by them.
GONE = {SenderStatus.LOGGED_OUT, SenderStatus.BANNED}


def write_state(*, worker_id: int, state: SessionState) -> bool:
    """Shows a session's new state, and frees its queue unless it can send. False if the worker no longer owns it."""
    changes = Changes()
    with transaction.atomic():
        if not _owns(worker_id, state.sender_id, state.epoch):
            return False
        fields: dict[str, object] = {
            "status": state.status,
            "status_detail": state.detail[:300],
            "status_at": now(),
            "next_try_at": state.next_try_at,
        }
        if state.phone_number:
            fields["phone_number"] = state.phone_number
            if Sender.objects.filter(phone_number=state.phone_number).exclude(pk=state.sender_id).exists():
                fields |= _refuse_number(state.phone_number)
                state = replace(state, status=str(fields["status"]), detail=str(fields["status_detail"]))
        if state.status in ENDED:
            fields |= {"wanted": False, "logging_out": False}
        if state.status == SenderStatus.LOGGED_OUT:
            fields["is_linked"] = False
        if state.status == SenderStatus.CONNECTED:
            fields |= {"is_linked": True, "pairing_number": ""}
        sender = Sender.objects.filter(pk=state.sender_id)
        sender.update(**fields)
        if state.status == SenderStatus.CONNECTED:
            sender.filter(linked_at=None).update(linked_at=now())
        else:
            recall.take_back_queued(changes, sender_ids=[state.sender_id])
        if state.status in GONE:
            _end_uncertain(state.sender_id, changes)
        changes.save()
    if state.status != SenderStatus.SCAN:
        _forget_code(state.sender_id)
    publish(state.sender_id, {"status": state.status, "detail": state.detail})
    return True


def _refuse_number(phone_number: str) -> dict[str, object]:
    """Two senders on one number would be two owners of one session: the second is not connected."""
    return {
        "phone_number": "",
        "status": SenderStatus.LOGGED_OUT,
        "status_detail": _("Another sender already uses %(number)s. Unlink it on the phone, then scan with another.")
        % {"number": phone_number},
    }


def _forget_code(sender_id: int) -> None:
    """Without Redis it stays until it runs out by itself, which must not hold the session up."""
    try:
        linking.forget(sender_id)
    except RedisError as error:
        logger.warning("the code of sender %s stays a little longer: %s", sender_id, error)


def show_qr(*, code: QrCode) -> None:
    linking.show_qr(code.sender_id, code.text, code.expires_in)
    publish(code.sender_id, {"status": SenderStatus.SCAN, "detail": ""})


def show_pairing_code(*, code: PairingCode) -> None:
    linking.show_pairing_code(code.sender_id, code.code, code.expires_in)
    publish(code.sender_id, {"status": SenderStatus.SCAN, "detail": ""})


def publish(sender_id: int, event: dict[str, str]) -> None:
    """Tells the pages that show this sender; they fetch the rest themselves."""
    live.publish(f"sender.{sender_id}", {"type": "state", **event})


def settle_unwanted() -> None:
    """Shows senders as disconnected that nobody wants and nobody holds: their worker died before it could."""
    for sender_id in leases.settle_unwanted():
        publish(sender_id, {"status": SenderStatus.DISCONNECTED, "detail": ""})


def show_waiting() -> list[int]:
    """Shows senders as connecting, with the reason, that should be connected and that no worker has taken for a while.

    What was queued for them goes to others. Returns those that changed.
    """
    reason = registry.why_waiting()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            WITH waiting AS (
                SELECT sender.id FROM senders_sender AS sender
                LEFT JOIN session_service_sessionlease AS lease ON lease.sender_id = sender.id
                WHERE sender.wanted AND (sender.status <> %(connecting)s OR sender.status_detail <> %(reason)s)
                    AND sender.status_at < now() - %(since)s * interval '1 second'
                    AND (lease.sender_id IS NULL OR lease.expires_at < clock_timestamp() - %(since)s * interval '1 second')
                ORDER BY sender.id FOR NO KEY UPDATE OF sender SKIP LOCKED
            )
            UPDATE senders_sender AS sender SET status = %(connecting)s, status_detail = %(reason)s, next_try_at = NULL,
                status_at = CASE WHEN status = %(connecting)s THEN status_at ELSE now() END
            FROM waiting WHERE sender.id = waiting.id RETURNING sender.id
            """,
            {"connecting": SenderStatus.CONNECTING, "reason": reason, "since": WAITS_AFTER},
        )
        sender_ids = [row[0] for row in cursor.fetchall()]
        if sender_ids:
            changes = Changes()
            recall.take_back_queued(changes, sender_ids=sender_ids)
            changes.save()
    for sender_id in sender_ids:
        publish(sender_id, {"status": SenderStatus.CONNECTING, "detail": reason})
    return sender_ids


def announce_pauses(sender_ids: list[int]) -> None:
    """Tells people that senders paused themselves: in the log of the organization, on open pages, and by mail."""
    for sender in Sender.objects.filter(pk__in=sender_ids).select_related("organization"):
        record(
            organization=sender.organization,
            by=None,
            action="sender.paused",
            target=sender.name,
            reason=sender.paused_reason,
        )
        publish(sender.pk, {"status": sender.status, "detail": sender.paused_reason})
        send_pause_notice.delay_on_commit(sender.pk)


def _owns(worker_id: int, sender_id: int, epoch: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT FROM session_service_sessionlease
            WHERE sender_id = %s AND worker_id = %s AND epoch = %s AND expires_at > clock_timestamp() FOR SHARE
            """,
            [sender_id, worker_id, epoch],
        )
        return cursor.fetchone() is not None


def _end_uncertain(sender_id: int, changes: Changes) -> None:
    """Ends what was attempted through a sender that is gone: another sender would let the person see it twice."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH lost AS (
                SELECT id, status FROM messaging_message
                WHERE sender_id = %s AND (stage = %s OR (stage = %s AND attempts > 0)) ORDER BY id FOR UPDATE
            )
            UPDATE messaging_message AS message SET status = %s, ended_at = now()
            FROM lost WHERE message.id = lost.id RETURNING message.batch_id, lost.status
            """,
            [sender_id, MessageStatus.SENDING, MessageStatus.QUEUED, MessageStatus.UNKNOWN],
        )
        for batch_id, was in cursor.fetchall():
            changes.move(batch_id, was, MessageStatus.UNKNOWN)
