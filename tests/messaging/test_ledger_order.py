"""Writers of results and of receipts take the rows of the same messages in one order."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction
from django.utils.timezone import now

from messaging import ledger
from messaging.counts import Changes
from messaging.events import Outcome, Receipt, SendResult
from messaging.models import Message, MessageStatus
from tests.factories import assert_counters_true, make_batch, make_organization, make_sender
from tests.session_service.running import wait_until

pytestmark = pytest.mark.django_db(transaction=True)

EPOCH = 5


def write_results(first: Message, second: Message) -> None:
    changes = Changes()
    with transaction.atomic():
        ledger.write_results([SendResult(each.pk, EPOCH, Outcome.ACKNOWLEDGED) for each in (second, first)], changes)
        changes.save()


def write_receipts(first: Message, second: Message) -> None:
    ledger.record(
        [Receipt(each.sender_id or 0, each.whatsapp_id, MessageStatus.DELIVERED, now()) for each in (second, first)]
    )


@pytest.mark.parametrize("write", [write_results, write_receipts])
def test_the_lower_id_comes_first(write: Callable[[Message, Message], None]) -> None:
    """Whoever waits for the first row holds no other one."""
    sender = make_sender(make_organization())
    batch = make_batch(sender.organization, [sender], 2)
    first, second = Message.objects.filter(batch=batch).order_by("pk")
    changes = Changes()
    for message, whatsapp_id in ((first, "3EB0B"), (second, "3EB0A")):  # the other way round
        changes.move(batch.pk, message.status, MessageStatus.SENDING)
        Message.objects.filter(pk=message.pk).update(
            status=MessageStatus.SENDING, sender=sender, lease_epoch=EPOCH, attempts=1, whatsapp_id=whatsapp_id
        )
        message.refresh_from_db()
    changes.save()

    def in_a_thread() -> None:
        try:
            write(first, second)
        finally:
            connection.close()

    thread = threading.Thread(target=in_a_thread)
    with transaction.atomic():
        Message.objects.select_for_update().get(pk=first.pk)
        thread.start()
        wait_until(somebody_waits, "the writer waits for the first row")
        Message.objects.select_for_update(nowait=True).get(pk=second.pk)
    thread.join()
    assert set(Message.objects.values_list("status", flat=True)) <= {MessageStatus.SENT, MessageStatus.DELIVERED}
    assert_counters_true(batch)


def somebody_waits() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0
