"""Results and receipts: forward only, fenced by the lease's epoch, counted once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils.timezone import now

from messaging import counts, ledger, planner, services
from messaging.counts import Changes
from messaging.events import Inbound, Outcome, Receipt, SendResult
from messaging.models import Batch, Message, MessageStatus
from senders.models import Sender
from tests.factories import assert_counters_true, make_batch, make_organization, make_sender

pytestmark = pytest.mark.django_db

MOMENT = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)


@pytest.fixture
def sender() -> Sender:
    return make_sender(make_organization())


@pytest.fixture
def batch(sender: Sender) -> Batch:
    return make_batch(sender.organization, [sender], 1)


@pytest.fixture
def message(batch: Batch, sender: Sender) -> Message:
    """One message that is `sending` under epoch 5, on its first attempt."""
    message = Message.objects.get(batch=batch)
    move(message, MessageStatus.SENDING, sender=sender, lease_epoch=5, attempts=1, whatsapp_id="3EB0A")
    return message


def move(message: Message, status: MessageStatus, **fields: object) -> None:
    changes = Changes()
    changes.move(message.batch_id, message.status, status)
    Message.objects.filter(pk=message.pk).update(status=status, **fields)
    changes.save()
    message.refresh_from_db()


def result(message: Message, outcome: Outcome, epoch: int = 5, **fields: Any) -> int:
    changes = Changes()
    with transaction.atomic():
        changed = ledger.write_results([SendResult(message.pk, epoch, outcome, **fields)], changes).rows
        changes.save()
    message.refresh_from_db()
    return changed


def receipt(message: Message, status: MessageStatus, at: datetime = MOMENT) -> None:
    ledger.record([Receipt(message.sender_id or 0, message.whatsapp_id, status, at)])
    message.refresh_from_db()


def test_an_acknowledged_message_is_sent(message: Message, batch: Batch) -> None:
    assert result(message, Outcome.ACKNOWLEDGED) == 1
    assert message.status == MessageStatus.SENT
    assert message.sent_at is not None
    assert_counters_true(batch)


def test_a_result_of_an_older_lease_changes_nothing(message: Message, batch: Batch) -> None:
    assert result(message, Outcome.ACKNOWLEDGED, epoch=4) == 0
    assert message.status == MessageStatus.SENDING
    assert_counters_true(batch)


def test_a_failure_waits_for_its_next_try_with_the_same_sender_and_id(message: Message, batch: Batch) -> None:
    before = now()
    result(message, Outcome.TRY_AGAIN, code="timeout", detail="no answer")
    assert message.status == MessageStatus.QUEUED
    assert message.whatsapp_id == "3EB0A"
    assert message.error_code == "timeout"
    assert before + timedelta(seconds=1.5) <= message.due_at <= now() + timedelta(seconds=2.5)
    assert_counters_true(batch)


def test_the_last_try_ends_as_failed(message: Message, batch: Batch, settings) -> None:
    Message.objects.filter(pk=message.pk).update(attempts=settings.SEND_ATTEMPTS)
    result(message, Outcome.TRY_AGAIN, code="timeout", detail="no answer")
    assert message.status == MessageStatus.FAILED
    assert (message.error_code, message.error) == ("timeout", "no answer")
    assert message.ended_at is not None
    assert_counters_true(batch)


@pytest.mark.parametrize(
    ("outcome", "attempts", "left"),
    [
        (Outcome.UNREACHABLE, 1, 1),
        (Outcome.UNREACHABLE, 9, 8),
        (Outcome.LOST, 1, 1),
        (Outcome.LOST, 9, 8),
        (Outcome.CLOSED, 1, 0),
        (Outcome.CLOSED, 9, 8),
    ],
)
def test_an_outage_costs_no_try_and_blames_nobody(
    message: Message, batch: Batch, sender: Sender, outcome: Outcome, attempts: int, left: int
) -> None:
    Message.objects.filter(pk=message.pk).update(attempts=attempts)
    result(message, outcome, code="no_answer")
    assert (message.status, message.attempts, message.exhausted) == (MessageStatus.QUEUED, left, False)
    assert message.error_code == ("no_answer" if outcome is Outcome.CLOSED else "")
    assert message.due_at > now()
    sender.refresh_from_db()
    assert (sender.consecutive_failures, sender.health) == (0, 100)
    assert_counters_true(batch)


def test_more_attempts_than_tries_are_no_trouble(message: Message, batch: Batch) -> None:
    """A message whose worker was killed several times has them."""
    Message.objects.filter(pk=message.pk).update(attempts=9)
    result(message, Outcome.TRY_AGAIN, code="timeout")
    assert (message.status, message.exhausted) == (MessageStatus.FAILED, True)
    assert_counters_true(batch)


def test_failing_twice_and_then_succeeding_counts_once(message: Message, batch: Batch) -> None:
    for attempts in (1, 2):
        result(message, Outcome.TRY_AGAIN, code="timeout")
        move(message, MessageStatus.SENDING, attempts=attempts + 1)
    result(message, Outcome.ACKNOWLEDGED)
    assert counts.of_batches([batch.pk])[batch.pk] == {(MessageStatus.SENT, ""): 1}
    assert message.error_code == ""
    assert_counters_true(batch)


def test_a_number_without_whatsapp_is_skipped_with_the_reason(message: Message, batch: Batch) -> None:
    result(message, Outcome.REJECTED, code="not_on_whatsapp")
    assert (message.status, message.skip_reason) == (MessageStatus.SKIPPED, "not_on_whatsapp")
    assert_counters_true(batch)


def test_what_cannot_be_known_is_unknown(message: Message, batch: Batch) -> None:
    result(message, Outcome.UNCERTAIN)
    assert message.status == MessageStatus.UNKNOWN
    assert_counters_true(batch)


def test_a_provider_with_ids_of_its_own_sets_them(message: Message) -> None:
    result(message, Outcome.ACKNOWLEDGED, whatsapp_id="wamid.1")
    assert message.whatsapp_id == "wamid.1"


def test_failures_in_a_row_end_with_a_success(message: Message, sender: Sender) -> None:
    result(message, Outcome.TRY_AGAIN, code="timeout")
    sender.refresh_from_db()
    assert sender.consecutive_failures == 1
    move(message, MessageStatus.SENDING)
    result(message, Outcome.ACKNOWLEDGED)
    sender.refresh_from_db()
    assert sender.consecutive_failures == 0


def test_receipts_move_forward_only(message: Message, batch: Batch) -> None:
    result(message, Outcome.ACKNOWLEDGED)
    receipt(message, MessageStatus.READ, MOMENT + timedelta(minutes=5))
    receipt(message, MessageStatus.DELIVERED)
    receipt(message, MessageStatus.SENT)
    assert message.status == MessageStatus.READ
    assert message.read_at == MOMENT + timedelta(minutes=5)
    assert message.delivered_at == message.read_at  # nobody reads what did not arrive
    assert_counters_true(batch)


def test_a_receipt_before_the_acknowledgement_settles_the_message(message: Message, batch: Batch) -> None:
    receipt(message, MessageStatus.DELIVERED)
    assert message.status == MessageStatus.DELIVERED
    assert message.sent_at == MOMENT
    assert result(message, Outcome.ACKNOWLEDGED) == 0
    assert message.status == MessageStatus.DELIVERED
    assert_counters_true(batch)


def test_a_receipt_prevents_the_retry(message: Message, batch: Batch) -> None:
    result(message, Outcome.TRY_AGAIN, code="timeout")
    receipt(message, MessageStatus.DELIVERED)
    assert message.status == MessageStatus.DELIVERED
    assert_counters_true(batch)


@pytest.mark.parametrize("before", [MessageStatus.FAILED, MessageStatus.UNKNOWN])
def test_evidence_of_arrival_mends_what_looked_lost(message: Message, batch: Batch, before: MessageStatus) -> None:
    move(message, before, error_code="timeout", error="no answer", ended_at=now())
    receipt(message, MessageStatus.DELIVERED)
    assert message.status == MessageStatus.DELIVERED
    assert (message.error_code, message.error, message.ended_at) == ("", "", None)
    assert_counters_true(batch)


def test_a_refusal_after_the_acknowledgement_is_shown_as_failed(message: Message, batch: Batch) -> None:
    result(message, Outcome.ACKNOWLEDGED)
    ledger.record(
        [Receipt(message.sender_id or 0, "3EB0A", MessageStatus.FAILED, MOMENT, "463", "too many new chats")]
    )
    message.refresh_from_db()
    assert (message.status, message.error_code) == (MessageStatus.FAILED, "463")
    assert_counters_true(batch)


def test_a_refusal_does_not_undo_a_delivery(message: Message, batch: Batch) -> None:
    receipt(message, MessageStatus.DELIVERED)
    receipt(message, MessageStatus.FAILED)
    assert message.status == MessageStatus.DELIVERED
    assert_counters_true(batch)


def test_a_receipt_for_another_sender_changes_nothing(message: Message) -> None:
    other = make_sender(message.organization)
    ledger.record([Receipt(other.pk, message.whatsapp_id, MessageStatus.READ, MOMENT)])
    message.refresh_from_db()
    assert message.status == MessageStatus.SENDING


def test_an_inbound_message_is_stored_once(sender: Sender) -> None:
    said = Inbound(sender.pk, "+628129", "AB12", "Halo\x00 😀", MOMENT)
    ledger.record([said, said])
    ledger.record([said])
    stored = Message.objects.get(direction="in")
    assert (stored.text, stored.status, stored.organization) == (
        "Halo 😀",
        MessageStatus.RECEIVED,
        sender.organization,
    )


def test_counters_can_be_rebuilt_from_the_rows(message: Message, batch: Batch) -> None:
    counts.add(batch.pk, {(MessageStatus.SENT, ""): 7})
    assert not counts.are_true(batch.pk)
    Batch.objects.update(finished_at=now())
    assert services.mend_counters(organization=batch.organization) == [batch.pk]
    assert counts.are_true(batch.pk)
    assert_counters_true(batch)
    assert services.mend_counters(organization=batch.organization) == []


@pytest.mark.django_db(transaction=True)
def test_most_receipts_write_no_index(sender: Sender) -> None:
    """There is room for them beside the row, so that PostgreSQL makes heap-only updates."""
    batch = make_batch(sender.organization, [sender], 300)
    planner.plan_all()
    Message.objects.filter(batch=batch).update(status=MessageStatus.SENT, sent_at=MOMENT)  # as a result leaves it
    counts.rebuild(batch.pk)
    ids = Message.objects.filter(batch=batch).values_list("whatsapp_id", flat=True)
    receipts = [Receipt(sender.pk, whatsapp_id, MessageStatus.DELIVERED, MOMENT) for whatsapp_id in ids]
    changes = Changes()
    with transaction.atomic(), connection.cursor() as cursor:
        assert ledger.write_receipts(receipts, changes) == 300
        changes.save()
        cursor.execute("SELECT n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'messaging_message'")
        assert cursor.fetchone()[0] > 150
    assert_counters_true(batch)
