"""What the hot statements share: arrays that are cheap to pass, and plans that do not depend on statistics."""

from collections.abc import Iterable
from datetime import datetime

from django.db.backends.utils import CursorWrapper


def numbers(values: Iterable[int | None]) -> str:
    """An array of numbers as text, to be cast: `%s::bigint[]`. Passing lists takes psycopg ten times as long."""
    return "{" + ",".join(["NULL" if value is None else f"{value:d}" for value in values]) + "}"


def texts(values: Iterable[str]) -> str:
    """An array of texts as text: `%s::text[]`."""
    quoted = ['"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"' for value in values]
    return "{" + ",".join(quoted) + "}"


def times(values: Iterable[datetime]) -> str:
    """An array of aware times as text: `%s::timestamptz[]`."""
    return "{" + ",".join([value.isoformat() for value in values]) + "}"


def along_indexes(cursor: CursorWrapper, only: bool = True) -> None:
    """For the rest of the transaction, PostgreSQL reads tables along indexes that give the wanted order, row by row.

    For the first rows of millions that is right, and PostgreSQL would find out itself if its statistics were not old
    whenever a campaign starts: "nothing is queued" was true a minute ago. Believing it, it once read a queue of 20,000
    a thousand times over and took 40 s for a lease that takes 40 ms. With `only` False it decides again by itself.
    """
    cursor.execute(
        """
        SELECT set_config('enable_sort', %(value)s, TRUE), set_config('enable_hashjoin', %(value)s, TRUE),
            set_config('enable_mergejoin', %(value)s, TRUE)
        """,
        {"value": "off" if only else "on"},
    )
