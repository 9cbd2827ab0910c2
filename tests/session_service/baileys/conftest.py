"""Baileys senders on an emulated WhatsApp, which is one program for all tests of a file."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import count
from typing import Any

import pytest
import pytest_asyncio
from asgiref.sync import sync_to_async

from senders.models import Provider, Sender, SenderStatus
from session_service import leases
from session_service.auth_state import AuthStateStore
from session_service.background import Background
from session_service.models import SessionWorker
from session_service.providers.baileys import BaileysProvider
from tests.factories import make_organization, make_sender
from tests.session_service.baileys.linking import Linked, MakeSender
from tests.whatsapp_emulator.running import RunningEmulator, running

_numbers = count(1)


@pytest.fixture(scope="module")
def emulated_whatsapp() -> Iterator[RunningEmulator]:
    with running() as emulator:
        yield emulator


@pytest.fixture
def whatsapp(
    emulated_whatsapp: RunningEmulator, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[RunningEmulator]:
    """The emulated WhatsApp as the only one that this test's senders know, with phones that are quick to read."""
    settings.WHATSAPP_WEBSOCKET_URL = emulated_whatsapp.websocket_url
    settings.WHATSAPP_ROOT_KEY = emulated_whatsapp.root_key
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", emulated_whatsapp.ca_file)
    emulated_whatsapp.behave(delivered_ms=20, read_ms=20)
    yield emulated_whatsapp
    emulated_whatsapp.delete("/faults")


@pytest.fixture
def new_phone() -> Callable[[], str]:
    """A phone number that no other test uses."""
    return lambda: f"+62821{next(_numbers):06}1"


@pytest.fixture
def new_sender(transactional_db: None) -> MakeSender:
    """A sender that is to be linked."""
    organization = make_organization()

    def make() -> Sender:
        return make_sender(
            organization, provider=Provider.BAILEYS, phone_number="", status=SenderStatus.CONNECTING, wanted=True
        )

    return make


# -- Without a worker: one provider, its events in a list --


@pytest.fixture
def lease_holder(transactional_db: None) -> SessionWorker:
    return leases.register(name="test", capacity=10)


@pytest_asyncio.fixture
async def auth_state(lease_holder: SessionWorker) -> AsyncIterator[AuthStateStore]:
    background = Background()
    store = AuthStateStore(background)
    store.worker_id = lease_holder.pk
    yield store
    await store.close()
    await background.close()


@pytest_asyncio.fixture
async def provider(whatsapp: RunningEmulator, auth_state: AuthStateStore) -> AsyncIterator[BaileysProvider]:
    background = Background()
    made = BaileysProvider(auth_state, background)
    yield made
    await made.close()
    await background.close()


@pytest_asyncio.fixture
async def link(
    provider: BaileysProvider,
    whatsapp: RunningEmulator,
    new_sender: MakeSender,
    new_phone: Callable[[], str],
    lease_holder: SessionWorker,
) -> AsyncIterator[Callable[..., Awaitable[Linked]]]:
    """Links a new sender with a new phone: by QR code, or, when `paired`, by a code that is typed."""
    made: list[Linked] = []

    async def make(*, paired: bool = False) -> Linked:
        sender = await sync_to_async(new_sender)()
        taken = await sync_to_async(leases.take)(worker_id=lease_holder.pk, limit=10)
        [epoch] = [held.epoch for held in taken if held.id == sender.pk]
        linked = Linked(provider, whatsapp, sender.pk, epoch, new_phone())
        made.append(linked)
        await linked.open(paired=paired)
        await (linked.pair() if paired else linked.scan())
        return linked

    yield make
    for linked in made:
        await linked.close()
