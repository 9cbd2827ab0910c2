"""Runs the programs of `bench/promises`, each in a process of its own."""

import json
import subprocess
import sys
from typing import Any

from tests.product import ROOT


def run(module: str, *options: str) -> dict[str, Any]:
    """The summary of a run in which no promise was broken."""
    command = [sys.executable, "-m", module, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=800)
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr[-4000:]}"
    summary = json.loads(done.stdout.splitlines()[-1])
    assert summary["verdict"] == "kept"
    return summary
