"""The kinds of advisory locks, in one place, so that no two take the same number.

A lock is `pg_advisory_xact_lock(kind, id % 2**31)` and ends with the transaction.
"""

from enum import IntEnum


class Lock(IntEnum):
    """Each with what its id is."""

    PLANNING = 7_301  # organization
    IMPORT = 7_302  # list import
    NUMBER_CHECK = 7_303  # sender
    OPT_OUTS = 7_304  # organization
