"""What the simulated network knows of phone numbers."""

from hashlib import blake2b

from session_service.providers.base import NumberInfo
from session_service.providers.simulated.behaviour import NOT_ON_WHATSAPP_ENDING


def lid_of(number: str) -> str:
    """The LID of a number, always the same: 15 digits that do not tell the number."""
    return str(10**14 + int.from_bytes(blake2b(number.encode(), digest_size=8).digest()) % (9 * 10**14))


def info_about(number: str) -> NumberInfo:
    exists = not number.endswith(NOT_ON_WHATSAPP_ENDING)
    return NumberInfo(exists, lid_of(number) if exists else "")
