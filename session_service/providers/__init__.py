"""One module or folder a kind of provider; `PROVIDERS` is the only list of them: each is made once a worker."""

from collections.abc import Callable

from senders.models import Provider as Kind
from session_service.auth_state import AuthStateStore
from session_service.background import Background
from session_service.providers.baileys import BaileysProvider
from session_service.providers.base import Provider
from session_service.providers.simulated import SimulatedProvider

PROVIDERS: dict[str, Callable[[AuthStateStore, Background], Provider]] = {
    Kind.SIMULATED: lambda auth_state, background: SimulatedProvider(),
    Kind.BAILEYS: BaileysProvider,
}
