"""What a sender may still send: its quotas a minute, an hour and a calendar day in its organization's time zone.

A young sender that warms up has a lower ceiling a day: `warm_up_per_day` on the day it was linked, half as many more
on each following day, until its quota a day is reached.

Two readers use the same rule: the planner, which spaces messages so that a quota is seldom met, and the lease
query, which spends it. The rule is written here once, as SQL over the aliases `sender`, `organization` and `usage`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

UNLIMITED = 1_000_000_000
WARM_UP_GROWTH = 1.5
WARM_UP_DAYS = 30  # after so many days a sender is no longer young
PERIODS = ("minute", "hour", "day")


def _period_start(period: str) -> str:
    return f"(date_trunc('{period}', statement_timestamp() AT TIME ZONE organization.timezone) AT TIME ZONE organization.timezone)"


# Full days on the organization's clock since the sender was linked, and the ceiling that follows (NULL: none).
_DAYS_LINKED = """((statement_timestamp() AT TIME ZONE organization.timezone)::date
    - (COALESCE(sender.linked_at, statement_timestamp()) AT TIME ZONE organization.timezone)::date)"""


def _quota_of_day(days_linked: str) -> str:
    ceiling = f"floor(sender.warm_up_per_day * power({WARM_UP_GROWTH}, LEAST({days_linked}, {WARM_UP_DAYS})))"
    return f"LEAST(sender.quota_per_day, CASE WHEN {days_linked} < {WARM_UP_DAYS} THEN {ceiling} END)::integer"


_QUOTAS = {
    "minute": "sender.quota_per_minute",
    "hour": "sender.quota_per_hour",
    "day": _quota_of_day(_DAYS_LINKED),
}


def _left(period: str) -> str:
    used = f"CASE WHEN usage.{period}_starts_at = {_period_start(period)} THEN usage.{period}_used ELSE 0 END"
    return f"COALESCE({_QUOTAS[period]} - {used}, {UNLIMITED})"


# Messages that the sender may lease now, 0 or less when a quota is exhausted.
QUOTA_LEFT_SQL = f"LEAST({_left('minute')}, {_left('hour')}, {_left('day')})"


def _spent(period: str) -> str:
    started = f"senders_senderusage.{period}_starts_at = excluded.{period}_starts_at"
    more = f"senders_senderusage.{period}_used + excluded.{period}_used"
    return f"{period}_used = CASE WHEN {started} THEN {more} ELSE excluded.{period}_used END"


_SPEND_SQL = f"""
INSERT INTO senders_senderusage
    (sender_id, minute_starts_at, minute_used, hour_starts_at, hour_used, day_starts_at, day_used)
SELECT sender.id, {_period_start("minute")}, spent.number, {_period_start("hour")}, spent.number,
    {_period_start("day")}, spent.number
FROM unnest(%s::bigint[], %s::integer[]) AS spent (sender_id, number)
JOIN senders_sender AS sender ON sender.id = spent.sender_id
JOIN accounts_organization AS organization ON organization.id = sender.organization_id
ORDER BY sender.id
ON CONFLICT (sender_id) DO UPDATE SET
    {_spent("minute")}, minute_starts_at = excluded.minute_starts_at,
    {_spent("hour")}, hour_starts_at = excluded.hour_starts_at,
    {_spent("day")}, day_starts_at = excluded.day_starts_at
"""


def spend(numbers: dict[int, int]) -> None:
    """Counts leased messages (sender id to number) against all three quotas, in the transaction of the lease."""
    if numbers:
        with connection.cursor() as cursor:
            cursor.execute(_SPEND_SQL, [list(numbers), list(numbers.values())])


@dataclass(frozen=True)
class Quota:
    """One sender's limits as they are now (None: no limit; warm-up included), and what it has used of them."""

    limits: dict[str, int | None]
    used: dict[str, int]


def quotas_now(sender_ids: Sequence[int]) -> dict[int, Quota]:
    """Limits and use of senders in the present minute, hour and day."""
    limits = ", ".join(_QUOTAS.values())
    used = ", ".join(
        f"CASE WHEN usage.{period}_starts_at = {_period_start(period)} THEN usage.{period}_used ELSE 0 END"
        for period in PERIODS
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT sender.id, {limits}, {used}
            FROM senders_sender AS sender
            JOIN accounts_organization AS organization ON organization.id = sender.organization_id
            LEFT JOIN senders_senderusage AS usage ON usage.sender_id = sender.id
            WHERE sender.id = ANY(%s)
            """,
            [list(sender_ids)],
        )
        return {
            row[0]: Quota(
                limits=dict(zip(PERIODS, row[1:4], strict=True)), used=dict(zip(PERIODS, row[4:7], strict=True))
            )
            for row in cursor.fetchall()
        }


def used_now(sender_ids: Sequence[int]) -> dict[int, dict[str, int]]:
    """For each sender, messages leased in the present minute, hour and day."""
    return {sender_id: quota.used for sender_id, quota in quotas_now(sender_ids).items()}


def quotas_of_days_ahead(sender_ids: Sequence[int]) -> dict[int, list[int | None]]:
    """For each sender its quotas of today and of the days to come while warm-up may change them; the last one stays."""
    ahead = f"({_DAYS_LINKED} + ahead.days)"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT sender.id, array_agg({_quota_of_day(ahead)} ORDER BY ahead.days)
            FROM senders_sender AS sender
            JOIN accounts_organization AS organization ON organization.id = sender.organization_id
            CROSS JOIN generate_series(0, CASE WHEN sender.warm_up_per_day IS NULL THEN 0 ELSE {WARM_UP_DAYS} END)
                AS ahead (days)
            WHERE sender.id = ANY(%s) GROUP BY sender.id
            """,
            [list(sender_ids)],
        )
        return dict(cursor.fetchall())
