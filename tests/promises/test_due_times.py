"""Due times while whoever takes them is killed, in a short run. `python -m bench.on_time --help` has longer ones."""

from tests.promises.running import run


def test_every_due_time_is_taken_once() -> None:
    summary = run("bench.on_time", "--once", "3", "--repeated", "4", "--kills", "4", "--people", "5")
    assert summary["kills_in_all"] == 4
    assert summary["outcomes"] == {"started": 3 + 4 + 2, "missed": 2}
    assert summary["delivered_once_each"] == 9 * 5
