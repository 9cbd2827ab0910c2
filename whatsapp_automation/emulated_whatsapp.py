"""The emulated WhatsApp beside the product, with WHATSAPP_EMULATOR=1: which program it is, and who must know of it."""

import json
import subprocess
from pathlib import Path

from django.conf import settings

from session_service import emulator
from session_service.emulator import Emulator, EmulatorError
from session_service.providers.baileys import node

PROGRAM = Path(settings.BASE_DIR) / "tests" / "whatsapp_emulator"  # not in the image for production
SECONDS_TO_PREPARE = 60


def prepare() -> Emulator:
    """Makes its keys and chooses its addresses, which stay the same from then on. Raises `EmulatorError`."""
    result = subprocess.run(
        [*_program(), "--prepare"], capture_output=True, text=True, check=False, timeout=SECONDS_TO_PREPARE
    )
    if result.returncode != 0:
        raise EmulatorError(f"The emulated WhatsApp does not start:\n{result.stderr}")
    return Emulator.from_ready(json.loads(result.stdout))


def command(prepared: Emulator) -> list[str]:
    """Starts what was prepared."""
    return [*_program(), "--port", str(prepared.port)]


def environment(prepared: Emulator) -> dict[str, str]:
    """What points every Baileys sender at it."""
    return {
        "WHATSAPP_WEBSOCKET_URL": prepared.websocket_url,
        "WHATSAPP_ROOT_KEY": prepared.root_key,
        "NODE_EXTRA_CA_CERTS": prepared.ca_file,
    }


def answers() -> bool:
    try:
        Emulator.of_this_product()
    except EmulatorError:
        return False
    return True


def _program() -> list[str]:
    if not (PROGRAM / "node_modules" / "installed").exists():
        raise EmulatorError("The emulated WhatsApp is not installed: run `make` with the goal `emulator`.")
    try:
        executable = node.executable()
    except node.NotInstalled as error:
        raise EmulatorError(str(error)) from error
    return [str(executable), "--no-warnings", str(PROGRAM / "main.mjs"), "--state", str(emulator.folder())]
