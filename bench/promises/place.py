"""Where a run takes place: a folder, a port and settings of its own, whatever this shell has configured."""

import json
import os
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import rmtree
from types import FrameType
from typing import Any

from whatsapp_automation.local_servers import redis_url

REDIS_USES = ("REDIS_BROKER_URL", "REDIS_CHANNELS_URL", "REDIS_CACHE_URL")


@contextmanager
def own_place(*, keep: bool = False, **variables: str) -> Iterator[Path]:
    """A fresh data folder that this process and its children use from here on; kept with `keep` or when the block fails.

    Call it before Django is set up.
    """
    data_dir = Path(tempfile.mkdtemp(prefix="wa-promises-"))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ.update(dict.fromkeys(REDIS_USES, redis_url(data_dir)))
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "whatsapp_automation.settings",
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "DATA_DIR": str(data_dir),
        "PORT": str(port),
        "LOG_LEVEL": "INFO",
        **variables,
    }
    signal.signal(signal.SIGTERM, _stop)  # so that everything is ended in order
    try:
        yield data_dir
    except BaseException:
        keep = True
        raise
    finally:
        if keep:
            print(f"The logs are in {data_dir / 'logs'}.", file=sys.stderr)
        else:
            rmtree(data_dir, ignore_errors=True)


def _stop(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


class Broken(Exception):
    """A promise did not hold."""


def conclude(summary: dict[str, Any], broken: list[str]) -> None:
    """Prints the summary as one line of JSON. Raises `Broken` where a promise did not hold."""
    summary["verdict"] = "broken" if broken else "kept"
    if broken:
        summary["broken"] = broken
    print(json.dumps(summary), flush=True)
    if broken:
        raise Broken("; ".join(broken))
