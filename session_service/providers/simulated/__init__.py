"""A WhatsApp network to try everything on: it lives in Redis, and nothing leaves the machine.

`network` is the network itself with its phones, `provider` the way of reaching it, `behaviour` what it decides.
"""

from session_service.providers.simulated.provider import SimulatedProvider

__all__ = ["SimulatedProvider"]
