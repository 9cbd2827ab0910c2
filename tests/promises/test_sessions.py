"""Sessions while their workers and bridges are killed, in short runs. `python -m bench.handover --help` has longer ones."""

from tests.promises.running import run


def test_sessions_move_between_workers_while_they_send() -> None:
    """Drained, killed and joined: nobody gets a message twice or never, and no session is open twice."""
    summary = run("bench.handover", "--senders", "4", "--people", "40", "--lease", "4", "--delay", "2")
    assert summary["delivered_once"] == 40
    assert summary["open_twice"] == 0
    assert summary["take_over"] <= 30


def test_ratchets_heal_and_keys_are_written_once_a_second() -> None:
    summary = run("bench.ratchets", "--kills", "4", "--people", "12", "--senders", "2")
    assert summary["kills_in_all"] == 4
    assert summary["read_once"] == summary["texts"] == 12 * summary["campaigns"]
    assert summary["retries_asked_by_phones"] > 0
