"""Those who wait for the winner: how many of a batch need not wait, and giving the winner to the rest."""

from collections.abc import Iterable

from django.db import connection

from messaging.models import Batch, MessageStatus
from messaging.variants.plans import experiment_of

# Along the index of what is to be planned; never more than a pass can take.
_DUE_SQL = """
SELECT count(*) FROM (
    SELECT FROM messaging_message WHERE batch_id = %s AND stage = %s AND due_at <= statement_timestamp()
    ORDER BY due_at, id LIMIT %s
) AS due
"""


def numbers_due(batches: Iterable[Batch], most: int) -> dict[int, int]:
    """How many pending messages of each batch are due, up to `most`; only of batches whose rest waits for a winner.

    Counting those who wait as well would deal them slots that they cannot use, and other batches could.
    """
    found = {}
    with connection.cursor() as cursor:
        for batch in batches:
            experiment = experiment_of(batch)
            if experiment is not None and experiment.has_rest:
                cursor.execute(_DUE_SQL, [batch.pk, MessageStatus.PENDING, most])
                found[batch.pk] = cursor.fetchone()[0]
    return found
