"""Who gets which variant: decided by a hash of the phone number and the batch, when the audience is fixed.

So a person gets the same variant however often the audience is read anew, and nobody can choose who gets which. In
10,000 slots the first ones are left out, then come the variants by their shares, and the last ones wait for the winner.
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from messaging.models import Batch
from messaging.variants.plans import experiment_of

SLOTS = 10_000
FAR_AHEAD = datetime(3000, 1, 1, tzinfo=UTC)  # until then nobody waits: who waits for the winner is due at this moment


@dataclass(frozen=True)
class Assignment:
    """SQL over a row with `slot`. `slot` is SQL over `people.phone_number`; `held_out` is true for who gets nothing."""

    slot: str = "NULL::bigint"
    held_out: str = "FALSE"
    variant: str = "NULL::bigint"
    due_at: str = "now()"
    parameters: dict[str, Any] = field(default_factory=dict)


NOBODY_CHOSEN = Assignment()


def of(batch: Batch) -> Assignment:
    """How the people of a batch are dealt out. Without variants and holdout: not at all."""
    experiment = experiment_of(batch)
    if experiment is None:
        return NOBODY_CHOSEN
    held_out = experiment.holdout_share * SLOTS // 100
    edges = _edges(held_out, experiment.test_share, list(batch.variants.values_list("pk", "share")))
    dealt = " ".join(f"WHEN slot < {edge} THEN {variant_id}" for variant_id, edge in edges)
    # No text is the winner's: the variant is written when it is known.
    waits_from = edges[-1][1] if edges and experiment.test_share < 100 else SLOTS
    return Assignment(
        slot="""('x' || left(md5(%(batch)s::text || ':' || people.phone_number), 8))::bit(32)::bigint %% 10000""",
        held_out=f"slot < {held_out}",
        variant=f"CASE WHEN slot < {held_out} THEN NULL {dealt} END::bigint" if edges else "NULL::bigint",
        due_at=f"CASE WHEN slot >= {waits_from} THEN %(far_ahead)s::timestamptz ELSE now() END",
        parameters={"far_ahead": FAR_AHEAD},
    )


def _edges(held_out: int, test_share: int, shares: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Before which slot each variant ends."""
    tested = (SLOTS - held_out) * test_share // 100
    so_far, edges = 0, []
    for variant_id, share in shares:
        so_far += share
        edges.append((variant_id, held_out + tested * so_far // 100))
    return edges
