"""The programs that kill the product while a campaign runs, in short runs. `python -m bench.crash --help` has longer ones."""

from tests.promises.running import run


def test_everyone_gets_a_campaign_once_while_everything_is_killed() -> None:
    summary = run("bench.crash", "--seed", "4", "--faults", "5", "--people", "200", "--senders", "6")
    assert summary["faults_in_all"] == 5
    assert summary["delivered_once"] == 200


def test_nobody_gets_it_twice_on_a_network_without_ids() -> None:
    summary = run("bench.crash", "--seed", "5", "--faults", "3", "--people", "120", "--senders", "4", "--no-ids")
    assert summary["delivered_once"] + summary["unknown"] - summary["unknown_that_arrived"] == 120


def test_a_worker_that_wakes_up_after_its_lease_does_no_harm() -> None:
    summary = run("bench.stale_owner", "--rounds", "2")
    assert summary["delivered_once"] == 300
    assert summary["in_doubt"] > 0
