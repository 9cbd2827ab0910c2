"""What each answer of WhatsApp's server means for a message."""

import pytest

from messaging.events import Outcome
from session_service.providers.baileys import verdicts


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ("", Outcome.ACKNOWLEDGED),
        ("463", Outcome.HELD),
        ("475", Outcome.HELD),
        ("131026", Outcome.REJECTED),
        ("479", Outcome.TRY_AGAIN),
        ("429", Outcome.TRY_AGAIN),
        ("500", Outcome.TRY_AGAIN),
        ("503", Outcome.TRY_AGAIN),
        ("400", Outcome.REJECTED),
        ("406", Outcome.REJECTED),
    ],
)
def test_acknowledgements_and_their_errors(error: str, outcome: Outcome) -> None:
    verdict = verdicts.of_ack(error)
    assert verdict.outcome is outcome
    assert bool(verdict.detail) == bool(error)


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("not_on_whatsapp", Outcome.REJECTED),
        ("428", Outcome.LOST),
        ("408", Outcome.LOST),
        ("failed", Outcome.TRY_AGAIN),
        ("500", Outcome.TRY_AGAIN),
    ],
)
def test_what_could_not_be_handed_over(code: str, outcome: Outcome) -> None:
    assert verdicts.of_failure(code, "All encryptions failed").outcome is outcome
