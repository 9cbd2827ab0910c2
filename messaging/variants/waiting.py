"""Those who wait for the winner: how many of a batch need not wait, and giving the winner to the rest."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection

from messaging.models import Batch, Message, MessageStatus
from messaging.variants.assignment import FAR_AHEAD
from messaging.variants.plans import experiment_of

# Along the index of what is to be planned; never more than a pass can take.
_DUE_SQL = """
SELECT count(*) FROM (
    SELECT FROM messaging_message WHERE batch_id = %s AND stage = %s AND due_at <= statement_timestamp()
    ORDER BY due_at, id LIMIT %s
) AS due
"""


def numbers_due(batches: Iterable[Batch], most: int) -> dict[int, int]:
    """How many pending messages of each batch are due, up to `most`; only of batches whose rest waits for a winner, or
    whose later groups wait for the earlier ones.

    Counting those who wait as well would deal them slots that they cannot use, and other batches could.
    """
    found = {}
    with connection.cursor() as cursor:
        for batch in batches:
            experiment = experiment_of(batch)
            if batch.wave_gap_ms is not None or (experiment is not None and experiment.has_rest):
                cursor.execute(_DUE_SQL, [batch.pk, MessageStatus.PENDING, most])
                found[batch.pk] = cursor.fetchone()[0]
    return found


@dataclass(frozen=True)
class Rest:
    """Those of a batch who wait for the winner: it is chosen so long after the test was sent (None: it is not yet)."""

    number: int
    measured: timedelta
    tested_at: datetime | None


def rest_of(batch: Batch) -> Rest | None:
    """None where nobody waits for a winner any more."""
    experiment = experiment_of(batch)
    if experiment is None or not experiment.has_rest or experiment.winner_id is not None:
        return None
    number = Message.objects.filter(batch=batch, stage=MessageStatus.PENDING, due_at=FAR_AHEAD).count()
    return Rest(number, timedelta(minutes=experiment.measure_minutes), experiment.tested_at)
