"""What became of the people of each variant, of those who were left out, and of the rest that waits.

Counted from the rows in a few statements: at once for a small batch, by a task for a large one, and kept with their
moment. The rest has no variant, also when it got the winner: it was not dealt out with the others, so it must not be
compared with them.
"""

from datetime import datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.utils.timezone import now

from messaging import counts
from messaging.models import Batch, Experiment, MessageStatus, SkipReason
from messaging.replies import REPLY_DAYS
from messaging.variants.assignment import FAR_AHEAD

COUNTED_AT_ONCE = 50_000  # messages: a tenth of a second; more are counted by a task
SHORTEST_REST = timedelta(seconds=2)
REST_OF_LARGE = timedelta(minutes=1)
STEPS = ("people", "waiting", "open", "sent", "delivered", "read", "failed")
REACTIONS = ("replied", "clicked", "opted_out")
HELD_OUT, REST = "holdout", "rest"

# Who was skipped later, or when the audience was fixed, is among a variant's people and not among those it was sent to.
_STEPS_SQL = """
SELECT COALESCE(variant_id::text, CASE WHEN skip_reason = %(holdout)s THEN 'holdout' ELSE 'rest' END) AS of_whom,
    count(*), count(*) FILTER (WHERE stage = %(pending)s AND due_at = %(far_ahead)s),
    count(*) FILTER (WHERE stage IN (%(pending)s, %(queued)s, %(sending)s)),
    count(*) FILTER (WHERE stage = %(sent)s), count(*) FILTER (WHERE status IN (%(delivered)s, %(read)s)),
    count(*) FILTER (WHERE status = %(read)s), count(*) FILTER (WHERE status IN (%(failed)s, %(unknown)s))
FROM messaging_message WHERE batch_id = %(batch)s GROUP BY 1
"""
_REACTIONS_SQL = """
SELECT COALESCE(message.variant_id::text, 'rest'), reacted.how, count(*)
FROM (
    SELECT message_id, 'replied' AS how FROM messaging_batchreply WHERE batch_id = %(batch)s
    UNION ALL SELECT DISTINCT message_id, 'clicked' FROM messaging_click WHERE batch_id = %(batch)s AND NOT is_bot
    UNION ALL SELECT message_id, 'opted_out' FROM messaging_batchoptout WHERE batch_id = %(batch)s
) AS reacted
JOIN messaging_message AS message ON message.id = reacted.message_id AND message.batch_id = %(batch)s
WHERE message.stage = %(sent)s GROUP BY 1, 2
"""
# What would have come anyway: who wrote in the days after the start, of those left out and of those who got it.
_WROTE_SQL = """
SELECT skip_reason = %(holdout)s, count(*) FROM messaging_message
WHERE batch_id = %(batch)s AND (skip_reason = %(holdout)s OR stage = %(sent)s) AND phone_number IN (
    SELECT phone_number FROM messaging_message
    WHERE organization_id = %(organization)s AND direction = 'in' AND group_id IS NULL AND phone_number <> ''
        AND created_at >= %(started)s AND created_at < %(started)s + %(days)s * interval '1 day'
) GROUP BY 1
"""
Figures = dict[str, dict[str, int]]


def count(batch: Batch, experiment: Experiment) -> Figures:
    """By the variant's id (as text), `holdout` and `rest`: the numbers of `STEPS` and `REACTIONS`, and `wrote` where
    people were left out."""
    given = {
        "batch": batch.pk,
        "organization": batch.organization_id,
        "holdout": SkipReason.HOLDOUT,
        "far_ahead": FAR_AHEAD,
        "started": batch.started_at,
        "days": REPLY_DAYS,
        **{status.label: status.value for status in MessageStatus},
    }
    found: Figures = {}
    with connection.cursor() as cursor:
        cursor.execute(_STEPS_SQL, given)
        for of_whom, *numbers in cursor.fetchall():
            found[of_whom] = {**dict(zip(STEPS, numbers, strict=True)), **dict.fromkeys(REACTIONS, 0)}
        cursor.execute(_REACTIONS_SQL, given)
        for of_whom, how, number in cursor.fetchall():
            if of_whom in found:
                found[of_whom][how] = number
        if experiment.holdout_share and batch.started_at is not None:
            cursor.execute(_WROTE_SQL, given)
            wrote = dict(cursor.fetchall())
            found.setdefault(HELD_OUT, _nothing())["wrote"] = wrote.get(True, 0)
            found["messaged"] = {
                "sent": sum(numbers["sent"] for numbers in found.values()),
                "wrote": wrote.get(False, 0),
            }
    return found


def _nothing() -> dict[str, int]:
    return dict.fromkeys((*STEPS, *REACTIONS), 0)


def of(figures: Figures, of_whom: int | str) -> dict[str, int]:
    return {**_nothing(), **figures.get(str(of_whom), {})}


def kept(batch: Batch, experiment: Experiment) -> tuple[Figures, datetime | None]:
    """The figures and their moment; None where a large batch was never counted. Counts anew where that is quick."""
    age = now() - experiment.figures_at if experiment.figures_at is not None else None
    if age is not None and age < SHORTEST_REST:
        return experiment.figures, experiment.figures_at
    if sum(counts.of_batches([batch.pk])[batch.pk].values()) <= COUNTED_AT_ONCE:
        return keep(batch, experiment)
    if (age is None or age > REST_OF_LARGE) and cache.add(f"variants:asked:{batch.pk}", 1, 30):
        from messaging.tasks import count_variants  # tasks import services

        count_variants.apply_async((batch.pk,), expires=60)
    return experiment.figures, experiment.figures_at


def keep(batch: Batch, experiment: Experiment) -> tuple[Figures, datetime]:
    """Counts, and remembers the count."""
    moment = now()
    figures = count(batch, experiment)
    experiment.figures, experiment.figures_at = figures, moment
    Experiment.objects.filter(pk=experiment.pk).update(figures=figures, figures_at=moment)
    return figures, moment


def links_of(batch: Batch) -> list[dict[str, Any]]:
    """The links of a batch with how many people followed them, and how often bots did; those of values only if someone
    did."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT link.url, count(click.id) FILTER (WHERE NOT click.is_bot),
                COALESCE(sum(click.number) FILTER (WHERE NOT click.is_bot), 0),
                COALESCE(sum(click.number) FILTER (WHERE click.is_bot), 0)
            FROM messaging_link AS link LEFT JOIN messaging_click AS click ON click.link_id = link.id
                AND click.batch_id = link.batch_id
            WHERE link.batch_id = %s GROUP BY link.id
            HAVING count(click.id) > 0 OR link.url NOT LIKE '{{%%' ORDER BY 2 DESC, link.number
            """,
            [batch.pk],
        )
        names = ("url", "people", "clicks", "bots")
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
