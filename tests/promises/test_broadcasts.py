"""A broadcast in groups under kills, in a short run. `python -m bench.broadcast_kills --help` has longer ones."""

from tests.promises.running import run


def test_everybody_has_a_broadcast_once_and_no_group_leaves_before_its_time() -> None:
    options = "--people 300 --senders 4 --faults 3 --spacing 0.7 --gap 2"
    summary = run("bench.broadcast_kills", *options.split())
    assert summary["delivered_once"] == 300
    assert summary["faults_in_all"] == 3
