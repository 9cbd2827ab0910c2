"""Linking a simulated sender, and who holds its session."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from session_service.providers.simulated import SimulatedProvider, network, provider
from tests.session_service.listening import FAST, NUMBER, Listener, message, sender, until


@pytest.fixture
async def simulated() -> AsyncIterator[SimulatedProvider]:
    simulated = SimulatedProvider(FAST)
    yield simulated
    await simulated.close()


async def test_a_new_sender_shows_a_code_and_is_connected_once_the_demo_phone_scans_it(simulated):
    listener = Listener()
    await simulated.open(sender(), listener)
    assert listener.statuses == ["scan"]
    assert listener.codes[0].expires_in == 20

    number = network.scan(code=listener.codes[0].text)

    await until(lambda: listener.statuses == ["scan", "connected"])
    assert listener.states[-1].phone_number == number
    assert number.startswith("+62811")


async def test_scanning_by_sender_links_the_number_that_the_sender_wanted(simulated):
    listener = Listener()
    await simulated.open(sender(NUMBER), listener)
    assert network.scan(sender_id=1) == NUMBER
    await until(lambda: "connected" in listener.statuses)


async def test_generated_numbers_differ(simulated):
    for sender_id in range(1, 30):
        await simulated.open(sender(sender_id=sender_id), Listener())
    numbers = {network.scan(sender_id=sender_id) for sender_id in range(1, 30)}
    assert len(numbers) == 29
    assert not [number for number in numbers if number.endswith("0000")]


async def test_a_link_outlives_the_provider(simulated):
    await simulated.open(sender(), Listener())
    number = network.scan(sender_id=1)
    await simulated.close()

    later, listener = SimulatedProvider(FAST), Listener()
    await later.open(sender(epoch=2), listener)
    await later.close()
    assert [(state.status, state.phone_number) for state in listener.states] == [("connected", number)]


async def test_the_code_changes_and_the_old_one_links_nothing(simulated, monkeypatch):
    monkeypatch.setattr(provider, "QR_SECONDS", 0.05)
    listener = Listener()
    await simulated.open(sender(), listener)
    await until(lambda: len(listener.codes) >= 2)
    with pytest.raises(network.NoQrCode):
        network.scan(code=listener.codes[0].text)
    assert listener.statuses == ["scan"]


async def test_there_is_nothing_to_scan_once_the_session_is_closed(simulated):
    listener = Listener()
    session = await simulated.open(sender(), listener)
    await session.close()
    with pytest.raises(network.NoQrCode):
        network.scan(sender_id=1)
    with pytest.raises(network.NoQrCode):
        network.scan(code=listener.codes[0].text)


async def test_the_owner_of_a_newer_epoch_replaces_the_session(simulated):
    network.link(NUMBER, 1)
    old, new = Listener(), Listener()
    old_session = await simulated.open(sender(NUMBER, epoch=1), old)
    other = SimulatedProvider(FAST)
    new_session = await other.open(sender(NUMBER, epoch=2), new)

    await until(lambda: old.statuses == ["connected", "replaced"])
    await old_session.send([message(1)])
    await new_session.send([message(2, epoch=2)])
    await until(lambda: old.sent and new.sent)
    assert old.outcomes == {1: ("closed", "replaced")}
    assert new.outcomes == {2: ("acknowledged", "")}
    assert [delivery["message_id"] for delivery in network.deliveries()] == ["ID2"]
    await other.close()


async def test_a_replaced_session_is_refused_even_before_it_heard_of_it(simulated, monkeypatch):
    monkeypatch.setattr(provider, "LONGEST_WAIT", 60)  # it listens once and then no more
    network.link(NUMBER, 1)
    old = Listener()
    session = await simulated.open(sender(NUMBER, epoch=1), old)
    await asyncio.sleep(0.05)
    other = SimulatedProvider(FAST)
    await other.open(sender(NUMBER, epoch=2), Listener())

    await session.send([message(1)])
    await until(lambda: old.sent)
    assert old.outcomes == {1: ("closed", "replaced")}
    assert old.statuses == ["connected"]
    await other.close()


async def test_an_older_epoch_cannot_take_a_session_back(simulated):
    network.link(NUMBER, 1)
    newer, older = Listener(), Listener()
    await simulated.open(sender(NUMBER, epoch=7), newer)
    other = SimulatedProvider(FAST)
    session = await other.open(sender(NUMBER, epoch=6), older)
    await session.send([message(1, epoch=6)])
    await until(lambda: older.sent)
    assert older.statuses == ["replaced"]
    assert older.outcomes == {1: ("closed", "replaced")}
    assert newer.statuses == ["connected"]
    await other.close()


async def test_the_phone_can_log_its_sender_out(simulated):
    network.link(NUMBER, 1)
    listener = Listener()
    session = await simulated.open(sender(NUMBER), listener)
    network.logout_phone(NUMBER)
    await until(lambda: "logged_out" in listener.statuses)
    await session.send([message(1)])
    await until(lambda: listener.sent)
    assert listener.outcomes == {1: ("closed", "logged_out")}

    again = Listener()
    await session.close()
    await simulated.open(sender(NUMBER, epoch=2), again)
    assert again.statuses == ["scan"]


async def test_a_banned_number_is_refused_until_it_is_unbanned(simulated):
    network.link(NUMBER, 1)
    listener = Listener()
    session = await simulated.open(sender(NUMBER), listener)
    network.ban(NUMBER)
    await until(lambda: "banned" in listener.statuses)
    await session.send([message(1)])
    await until(lambda: listener.sent)
    assert listener.outcomes == {1: ("closed", "banned")}

    await session.close()
    refused, accepted = Listener(), Listener()
    await simulated.open(sender(NUMBER, epoch=2), refused)
    assert refused.statuses == ["banned"]
    network.unban(NUMBER)
    await simulated.open(sender(NUMBER, epoch=3), accepted)
    assert accepted.statuses == ["connected"]


async def test_linking_a_number_to_another_sender_logs_the_first_one_out(simulated):
    network.link(NUMBER, 1)
    listener = Listener()
    await simulated.open(sender(NUMBER), listener)
    network.link(NUMBER, 2)
    await until(lambda: listener.statuses == ["connected", "logged_out"])


async def test_a_state_that_could_not_be_told_is_told_again(simulated, monkeypatch):
    monkeypatch.setattr(provider, "WAIT_AFTER_ERROR", 0.02)

    class Forgetful(Listener):
        failures = 2

        async def state(self, state):
            if state.status in ("connected", "banned") and self.failures:
                self.failures -= 1
                raise ConnectionError("the database is away")
            await super().state(state)

    listener = Forgetful()
    await simulated.open(sender(), listener)
    network.scan(sender_id=1)
    await until(lambda: listener.statuses == ["scan", "connected"])
    listener.failures = 2
    network.ban(listener.states[-1].phone_number)
    await until(lambda: listener.statuses == ["scan", "connected", "banned"])
    assert listener.failures == 0


async def test_a_thousand_sessions_share_three_tasks(simulated):
    listener = Listener()
    for sender_id in range(1, 1001):
        network.link(f"+62811{sender_id:07d}1", sender_id)
    before = len(asyncio.all_tasks())
    sessions = await asyncio.gather(
        *(simulated.open(sender(sender_id=sender_id), listener) for sender_id in range(1, 1001))
    )
    assert listener.statuses == ["connected"] * 1000
    assert len(asyncio.all_tasks()) - before == 3
    await asyncio.gather(*(session.send([message(session.sender_id)]) for session in sessions))
    await until(lambda: len({receipt for receipt in listener.receipts if receipt[1] == 50}) == 1000)
    assert {outcome for outcome, _ in listener.outcomes.values()} == {"acknowledged"}
