"""`manage.py run_session_service` with the null provider in the place of the simulated network."""

import django

django.setup()

from django.core.management import call_command  # noqa: E402

from bench.null_provider import NullProvider  # noqa: E402
from senders.models import Provider  # noqa: E402
from session_service.providers import PROVIDERS  # noqa: E402

if __name__ == "__main__":
    PROVIDERS[Provider.SIMULATED] = lambda auth_state, background: NullProvider()
    call_command("run_session_service")
