"""Finds and ends processes that an earlier, killed start left behind."""

import signal
import time
from pathlib import Path

import psutil


def named_in(pid_file: Path, *arguments: str) -> psutil.Process | None:
    """The process that the file's first word names, if it lives and its command line holds all `arguments`.

    The second half matters: after a crash the number may belong to a stranger.
    """
    try:
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        is_ours = set(arguments) <= set(process.cmdline())
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return process if is_ours and not has_ended(process) else None


def has_ended(process: psutil.Process) -> bool:
    """Also true of a zombie: in a container nobody may ever collect it."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def end(process: psutil.Process, number: signal.Signals = signal.SIGTERM, timeout: float = 10) -> None:
    """Asks the process to end with a signal, and kills it when it has not after `timeout` seconds."""
    for each in (number, signal.SIGKILL):
        try:
            process.send_signal(each)
        except psutil.NoSuchProcess:
            return
        until = time.monotonic() + timeout
        while not has_ended(process):
            if time.monotonic() > until:
                break
            time.sleep(0.02)
        else:
            return
