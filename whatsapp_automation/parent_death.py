"""Runs a command that ends when its parent does: `python -m whatsapp_automation.parent_death COMMAND ...`.

A killed supervisor cannot stop its children; without this they would run on, unseen, beside the next start's.
Linux only; elsewhere the command simply runs.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def end_with_parent() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


if __name__ == "__main__":
    end_with_parent()
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606  the setting outlives exec, and no shell is wanted
