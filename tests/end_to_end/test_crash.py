"""The programs that kill the product while a campaign runs, in short runs. `python -m bench.crash --help` has longer ones."""

import json
import subprocess
import sys
from typing import Any

import pytest

from tests.product import ROOT


def run(module: str, *options: str) -> dict[str, Any]:
    """The summary of a run in which no promise was broken."""
    command = [sys.executable, "-m", module, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=800)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-4000:]}"
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["verdict"] == "kept"
    return summary


def test_everyone_gets_a_campaign_once_while_everything_is_killed() -> None:
    summary = run("bench.crash", "--seed", "4", "--faults", "7", "--people", "300", "--senders", "6")
    assert summary["faults_in_all"] == 7
    assert summary["delivered_once"] == 300


def test_nobody_gets_it_twice_on_a_network_without_ids() -> None:
    summary = run("bench.crash", "--seed", "5", "--faults", "4", "--people", "120", "--senders", "4", "--no-ids")
    assert summary["delivered_once"] + summary["unknown"] - summary["unknown_that_arrived"] == 120


def test_a_worker_that_wakes_up_after_its_lease_does_no_harm() -> None:
    summary = run("bench.stale_owner", "--rounds", "2")
    assert summary["delivered_once"] == 300
    assert summary["in_doubt"] > 0


@pytest.mark.parametrize("network", ["--simulated", ""], ids=["simulated", "baileys"])
def test_sessions_move_between_workers_while_they_send(network: str) -> None:
    """Drained, killed and joined: nobody gets a message twice or never, and no session is open twice."""
    options = ["--senders", "6", "--people", "90", "--lease", "6", *filter(None, [network])]
    summary = run("bench.handover", *options)
    assert summary["delivered_once"] == 90
    assert summary["open_twice"] == 0
    assert summary["take_over"] <= 30


def test_ratchets_heal_and_keys_are_written_once_a_second() -> None:
    summary = run("bench.ratchets", "--kills", "4", "--people", "12", "--senders", "2")
    assert summary["kills_in_all"] == 4
    assert summary["read_once"] == summary["texts"] == 12 * summary["campaigns"]
    assert summary["retries_asked_by_phones"] > 0
