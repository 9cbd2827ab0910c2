import pytest

from accounts.models import Organization
from senders.models import Sender, SenderStatus
from tests.factories import make_sender


@pytest.fixture
def sender(organization: Organization) -> Sender:
    """Disconnected, never linked."""
    return make_sender(organization, name="Sales", phone_number="", wanted=False, status=SenderStatus.DISCONNECTED)
