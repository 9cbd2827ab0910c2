"""Baileys sessions on the emulated WhatsApp: linking, sending, hearing, and every way in which a connection ends."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async

from messaging.models import MessageStatus
from session_service.auth_state import AuthStateStore
from session_service.background import Background
from session_service.models import AuthCredentials
from session_service.providers.baileys import BaileysProvider, disconnects
from session_service.providers.baileys import session as session_module
from tests.session_service.baileys.linking import PATIENCE, Linked, MakeSender
from tests.session_service.listening import until
from tests.whatsapp_emulator.running import RunningEmulator

pytestmark = pytest.mark.django_db(transaction=True)

Link = Callable[..., Awaitable[Linked]]
NewPhone = Callable[[], str]


async def test_a_scanned_code_connects_and_the_link_is_kept(link: Link) -> None:
    linked = await link()
    assert linked.heard.statuses == ["connecting", "scan", "connected"]
    assert linked.heard.states[-1].phone_number == linked.phone
    assert linked.heard.codes[0].expires_in == 60
    await linked.close()
    await linked.open()
    await linked.is_connected(2)
    assert linked.heard.statuses[3:] == ["connecting", "connected"]
    assert len(linked.heard.codes) == 1


async def test_a_pairing_code_links_without_a_camera(link: Link, new_phone: NewPhone) -> None:
    linked = await link(paired=True)
    assert linked.heard.statuses == ["connecting", "scan", "connected"]
    assert linked.heard.codes == []
    assert len(linked.heard.pairing_codes[0].code) == 8
    await linked.send(1, new_phone())
    assert await linked.has_result(1) == ("acknowledged", "")


async def test_a_message_is_sent_when_the_server_says_so_and_its_receipts_follow(
    link: Link, new_phone: NewPhone
) -> None:
    linked, person = await link(), new_phone()
    await linked.send(1, person, "Halo Budi 🌶")
    assert await linked.has_result(1) == ("acknowledged", "")
    whatsapp_id = f"ID{linked.sender_id}A1"
    receipts = [(whatsapp_id, MessageStatus.DELIVERED), (whatsapp_id, MessageStatus.READ)]
    await until(lambda: linked.heard.receipts == receipts, PATIENCE)
    [line] = await linked.inbox(person)
    assert (line["text"], line["from"], line["message_id"]) == ("Halo Budi 🌶", linked.phone, whatsapp_id)


async def test_what_a_person_writes_carries_number_lid_and_name(link: Link, new_phone: NewPhone) -> None:
    linked, person = await link(), new_phone()
    await linked.send(1, person)
    await linked.has_result(1)
    whatsapp_id = await linked.say(person, "STOP")
    [said] = await linked.hears(1)
    assert (said.phone_number, said.text, said.kind, said.whatsapp_id) == (person, "STOP", "text", whatsapp_id)
    assert said.lid
    assert said.group == ""
    assert abs(datetime.now(UTC) - said.at) < timedelta(minutes=1)


async def test_a_person_shown_by_lid_is_the_same_person(
    link: Link, new_phone: NewPhone, whatsapp: RunningEmulator
) -> None:
    linked, person = await link(), new_phone()
    await linked.send(1, person)
    await linked.has_result(1)
    await linked.in_thread(whatsapp.behave, phone=person, lid_chats=False)
    await linked.say(person, "by number")
    await linked.in_thread(whatsapp.behave, phone=person, lid_chats=True)
    await linked.say(person, "by LID")
    by_number, by_lid = await linked.hears(2)
    assert by_lid.text == "by LID"
    assert (by_number.phone_number, by_number.lid) == (by_lid.phone_number, by_lid.lid) == (person, by_lid.lid)


async def test_somebody_known_by_lid_alone_is_answered(link: Link, new_phone: NewPhone) -> None:
    linked, person = await link(), new_phone()
    await linked.say(person, "Who am I?")
    [said] = await linked.hears(1)
    await linked.send(1, person, "Somebody.", lid=said.lid, to="")
    assert await linked.has_result(1) == ("acknowledged", "")
    [line] = await linked.inbox(person)
    assert (line["text"], line["from"]) == ("Somebody.", linked.phone)


async def test_a_number_that_is_not_on_whatsapp_gets_nothing_and_is_reported(link: Link) -> None:
    linked = await link()
    await linked.send(1, "+628211110000")
    assert await linked.has_result(1) == ("rejected", "not_on_whatsapp")


@pytest.mark.parametrize(
    ("code", "outcome"),
    [(463, "held"), (475, "held"), (131026, "rejected"), (479, "try again"), (500, "try again")],
)
async def test_a_refusal_by_the_server_is_no_success(
    code: int, outcome: str, link: Link, new_phone: NewPhone, whatsapp: RunningEmulator
) -> None:
    linked = await link()
    await linked.in_thread(whatsapp.fault, "ack_error", code=code, phone=linked.phone, count=1)
    await linked.send(1, new_phone())
    assert await linked.has_result(1) == (outcome, str(code))
    await linked.send(2, new_phone())
    assert await linked.has_result(2) == ("acknowledged", "")


@pytest.mark.parametrize("is_told", [True, False])
async def test_a_limit_on_new_chats_is_known_with_its_end(
    is_told: bool, link: Link, new_phone: NewPhone, whatsapp: RunningEmulator
) -> None:
    linked = await link()
    if not is_told:  # its clients hear of it only while they are connected
        await linked.close()
    await linked.in_thread(whatsapp.post, "/timelock", {"phone": linked.phone, "seconds": 3600})
    if not is_told:
        await linked.open()
        await linked.is_connected(2)
    await linked.send(1, new_phone())
    assert await linked.has_result(1) == ("held", "463")
    until_when = linked.heard.sent[-1].held_until
    assert until_when is not None
    assert timedelta(minutes=59) < until_when - datetime.now(UTC) < timedelta(minutes=61)


async def test_a_message_without_an_answer_has_no_result(
    link: Link, new_phone: NewPhone, whatsapp: RunningEmulator
) -> None:
    linked = await link()
    await linked.in_thread(whatsapp.fault, "lose_ack", phone=linked.phone, count=1)
    person = new_phone()
    await linked.send(1, person)
    await until(lambda: linked.heard.receipts, PATIENCE)  # it arrived, and yet nobody acknowledged it
    assert linked.heard.outcomes == {}


async def test_a_repeat_goes_out_under_the_same_id_and_the_phone_drops_it(
    link: Link, new_phone: NewPhone, whatsapp: RunningEmulator
) -> None:
    linked, person = await link(), new_phone()
    await linked.in_thread(whatsapp.fault, "lose_ack", phone=linked.phone, count=1)
    await linked.send(1, person, "once")
    await until(lambda: linked.heard.receipts, PATIENCE)
    await linked.send(1, person, "once", attempt=2)
    assert await linked.has_result(1) == ("acknowledged", "")
    [line] = await linked.inbox(person)
    assert (line["text"], line["repeats"]) == ("once", 1)


async def test_what_the_server_acknowledged_before_is_not_sent_again(link: Link, new_phone: NewPhone) -> None:
    linked, person = await link(), new_phone()
    await linked.send(1, person, "once")
    await linked.has_result(1)
    linked.heard.sent.clear()
    await linked.send(1, person, "once", attempt=2)
    assert await linked.has_result(1) == ("acknowledged", "")
    await asyncio.sleep(0.3)
    [line] = await linked.inbox(person)
    assert line["repeats"] == 0


async def test_what_was_under_way_when_the_connection_broke_may_be_repeated(
    link: Link, new_phone: NewPhone, whatsapp: RunningEmulator
) -> None:
    linked, person = await link(), new_phone()
    await linked.in_thread(whatsapp.fault, "drop_after", phone=linked.phone, count=1)
    await linked.send(1, person, "once")
    assert await linked.has_result(1) == ("lost", "connection_lost")
    await linked.is_connected(2)
    linked.heard.sent.clear()
    await linked.send(1, person, "once", attempt=2)
    assert await linked.has_result(1) == ("acknowledged", "")
    [line] = await linked.inbox(person)
    assert (line["text"], line["repeats"]) == ("once", 1)


async def test_a_lost_connection_costs_no_key_its_next_state(
    link: Link, new_phone: NewPhone, whatsapp: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a phone could not read because of it, it would ask for again."""
    monkeypatch.setattr(disconnects, "FIRST_DELAY", 0.05)
    linked, person = await link(), new_phone()
    before = (await linked.in_thread(whatsapp.stats))["retries_asked"]
    for number in range(1, 6):
        await linked.in_thread(whatsapp.fault, "drop_after", phone=linked.phone, count=1)
        await linked.send(number, person)
        assert await linked.has_result(number) == ("lost", "connection_lost")
        await linked.is_connected(number + 1)
    await linked.send(9, person)
    assert await linked.has_result(9) == ("acknowledged", "")
    await asyncio.sleep(0.3)
    assert len(await linked.inbox(person)) == 6
    assert (await linked.in_thread(whatsapp.stats))["retries_asked"] == before


async def test_without_a_connection_a_message_does_not_leave(link: Link, new_phone: NewPhone) -> None:
    linked = await link()
    await linked.close()
    await linked.send(1, new_phone())
    assert await linked.has_result(1) == ("closed", "closed")


# -- How connections end --


async def test_a_lost_connection_comes_back_after_a_pause_that_is_shown(link: Link, whatsapp: RunningEmulator) -> None:
    linked = await link()
    await linked.in_thread(whatsapp.post, "/disconnect", {"phone": linked.phone, "code": 503})
    await linked.is_connected(2)
    assert linked.heard.statuses == ["connecting", "scan", "connected", "reconnecting", "connected"]
    reconnecting = linked.heard.states[3]
    assert "503" in reconnecting.detail
    assert reconnecting.next_try_at is not None


async def test_an_outdated_client_is_told_as_what_it_is(link: Link, whatsapp: RunningEmulator, settings: Any) -> None:
    settings.WHATSAPP_WEB_VERSION = [2, 3000, 1043857761]
    linked = await link()
    await linked.in_thread(whatsapp.fault, "refuse_login", phone=linked.phone, code=405, count=1)
    await linked.in_thread(whatsapp.post, "/disconnect", {"phone": linked.phone, "code": 503})
    await linked.is_connected(2)
    assert "WHATSAPP_WEB_VERSION" in linked.heard.states[-2].detail


async def test_a_connection_that_is_cut_comes_back(link: Link, whatsapp: RunningEmulator) -> None:
    linked = await link()
    await linked.in_thread(whatsapp.post, "/disconnect", {"phone": linked.phone})
    await linked.is_connected(2)


async def test_after_a_request_to_restart_it_connects_at_once(link: Link, whatsapp: RunningEmulator) -> None:
    linked = await link()
    await linked.in_thread(whatsapp.post, "/disconnect", {"phone": linked.phone, "code": 515})
    await linked.is_connected(2)
    assert linked.heard.statuses == ["connecting", "scan", "connected", "connected"]


async def test_the_phone_can_unlink_it_and_the_keys_are_wiped(link: Link, whatsapp: RunningEmulator) -> None:
    linked = await link()
    assert await AuthCredentials.objects.filter(sender_id=linked.sender_id).aexists()
    await linked.in_thread(whatsapp.post, "/logout", {"phone": linked.phone})
    await until(lambda: linked.heard.statuses[-1] == "logged_out", PATIENCE)
    assert not await AuthCredentials.objects.filter(sender_id=linked.sender_id).aexists()


async def test_it_can_log_itself_out(link: Link, whatsapp: RunningEmulator) -> None:
    linked = await link()
    await linked.session.log_out()
    await until(lambda: linked.heard.statuses[-1] == "logged_out", PATIENCE)
    assert not await AuthCredentials.objects.filter(sender_id=linked.sender_id).aexists()
    accounts = await linked.in_thread(whatsapp.get, "/accounts")
    assert linked.phone not in [account["phone"] for account in accounts if account["devices"]]


async def test_a_ban_is_the_end(link: Link, whatsapp: RunningEmulator) -> None:
    linked = await link()
    await linked.in_thread(whatsapp.fault, "refuse_login", phone=linked.phone, code=403)
    await linked.in_thread(whatsapp.post, "/disconnect", {"phone": linked.phone, "code": 503})
    await until(lambda: linked.heard.statuses[-1] == "banned", PATIENCE)
    assert await AuthCredentials.objects.filter(sender_id=linked.sender_id).aexists()


async def test_a_session_that_was_opened_elsewhere_does_not_fight_for_it(
    link: Link, whatsapp: RunningEmulator
) -> None:
    linked = await link()
    await linked.in_thread(whatsapp.post, "/disconnect", {"phone": linked.phone, "code": 440})
    await until(lambda: linked.heard.statuses[-1] == "replaced", PATIENCE)
    await asyncio.sleep(1.5)
    assert linked.heard.statuses[-1] == "replaced"
    assert await linked.in_thread(whatsapp.replaced) == []


async def test_it_gives_up_after_enough_tries(
    link: Link, whatsapp: RunningEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(disconnects, "FIRST_DELAY", 0.001)
    linked = await link()
    await linked.in_thread(whatsapp.fault, "refuse_login", phone=linked.phone, code=503)
    await linked.in_thread(whatsapp.post, "/disconnect", {"phone": linked.phone, "code": 503})
    await until(lambda: linked.heard.statuses[-1] == "disconnected", PATIENCE)
    assert linked.heard.statuses.count("reconnecting") == disconnects.TRIES
    assert linked.heard.states[-1].detail


async def test_a_server_with_another_root_key_is_refused(
    link: Link, whatsapp: RunningEmulator, provider: BaileysProvider, new_sender: MakeSender, new_phone: NewPhone
) -> None:
    await link()  # the very same server is accepted with its right key
    await asyncio.to_thread(whatsapp.fault, "wrong_root", count=2)
    sender = await sync_to_async(new_sender)()
    stranger = Linked(provider, whatsapp, sender.pk, 1, new_phone())
    await stranger.open()
    await until(lambda: "reconnecting" in stranger.heard.statuses, PATIENCE)
    assert stranger.heard.codes == []
    await until(lambda: stranger.heard.codes, PATIENCE)  # the third try meets the right server
    await stranger.close()


async def test_the_bridge_is_started_again_and_its_sessions_with_it(
    link: Link, new_phone: NewPhone, provider: BaileysProvider
) -> None:
    first, second = await link(), await link()
    [bridge] = provider.bridges
    os.kill(bridge.pid, signal.SIGKILL)
    for linked in (first, second):
        await linked.is_connected(2)
        await linked.send(9, new_phone())
        assert await linked.has_result(9) == ("acknowledged", "")
    assert [other.pid for other in provider.bridges] != [bridge.pid]


async def test_a_bridge_that_does_not_answer_is_ended(
    link: Link, provider: BaileysProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("session_service.providers.baileys.bridge.SECONDS_BETWEEN_LOOKS", 0.2)
    monkeypatch.setattr("session_service.providers.baileys.bridge.SECONDS_TO_ANSWER_A_LOOK", 0.5)
    linked = await link()
    [bridge] = provider.bridges
    os.kill(bridge.pid, signal.SIGSTOP)
    await linked.is_connected(2)
    assert not bridge.alive


async def test_more_sessions_than_a_process_holds_get_another_process(
    link: Link, provider: BaileysProvider, settings: Any
) -> None:
    settings.BAILEYS_SESSIONS_A_PROCESS = 1
    await link()
    await link()
    assert len(provider.bridges) == 2


async def test_codes_are_not_shown_for_ever(
    provider: BaileysProvider,
    whatsapp: RunningEmulator,
    new_sender: MakeSender,
    new_phone: NewPhone,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session_module, "ROUNDS_OF_CODES", 2)
    sender = await sync_to_async(new_sender)()
    unlinked = Linked(provider, whatsapp, sender.pk, 1, new_phone())
    await unlinked.open()
    for _ in range(2):
        await until(lambda: unlinked.heard.codes, PATIENCE)
        unlinked.heard.codes.clear()
        unlinked.session.hear({"event": "closed", "code": disconnects.TIMED_OUT, "text": "QR refs attempts ended"})
    await until(lambda: unlinked.heard.statuses[-1] == "disconnected", PATIENCE)
    await unlinked.close()


# -- What is not written is not acknowledged --


async def test_what_was_not_committed_comes_again_after_a_kill(
    link: Link, new_phone: NewPhone, provider: BaileysProvider, auth_state: AuthStateStore
) -> None:
    linked, person = await link(), new_phone()
    linked.heard.deaf = True
    await linked.send(1, person)
    await until(lambda: linked.whatsapp.lines(person), PATIENCE)  # or the kill comes before it left
    await linked.say(person, "first")
    await linked.say(person, "second")
    await until(lambda: linked.heard.refused_records, PATIENCE)
    os.kill(provider.bridges[0].pid, signal.SIGKILL)
    await provider.close()
    assert linked.heard.recorded == []

    background = Background()
    later = BaileysProvider(auth_state, background)
    again = Linked(later, linked.whatsapp, linked.sender_id, linked.epoch, linked.phone)
    await again.open()
    await until(lambda: {said.text for said in again.heard.inbound} == {"first", "second"}, PATIENCE)
    statuses = {MessageStatus.DELIVERED, MessageStatus.READ}
    await until(lambda: {status for _, status in again.heard.receipts} == statuses, PATIENCE)
    await again.close()
    await later.close()
    await background.close()


async def test_what_was_committed_does_not_come_again(
    link: Link, new_phone: NewPhone, provider: BaileysProvider
) -> None:
    linked, person = await link(), new_phone()
    await linked.say(person, "first")
    await linked.hears(1)
    await asyncio.sleep(2)  # WhatsApp learns of it after the commit; killed before that, it sends it again
    os.kill(provider.bridges[0].pid, signal.SIGKILL)
    await linked.is_connected(2)
    await linked.say(person, "second")
    assert [said.text for said in await linked.hears(2)] == ["first", "second"]


async def test_nobody_waits_for_events_that_cannot_be_written(link: Link, new_phone: NewPhone) -> None:
    """Messages leave while the ledger is slow to take what comes in."""
    linked, person = await link(), new_phone()
    linked.heard.deaf = True
    await linked.say(person, "waits")
    await until(lambda: linked.heard.refused_records, PATIENCE)
    await linked.send(1, new_phone())
    assert await linked.has_result(1) == ("acknowledged", "")
    linked.heard.deaf = False
    await linked.hears(1)


async def test_a_ledger_that_does_not_keep_up_makes_the_bridge_read_less(
    link: Link, new_phone: NewPhone, provider: BaileysProvider, whatsapp: RunningEmulator
) -> None:
    linked, people = await link(), [new_phone() for _ in range(300)]
    linked.heard.deaf = True
    for number, person in enumerate(people):
        await linked.send(number, person)
    await until(lambda: provider.waiting_events > 50, PATIENCE)
    await asyncio.sleep(2)
    assert provider.waiting_events < 200  # of 600
    linked.heard.deaf = False
    await until(lambda: len(linked.heard.outcomes) == 300, 2 * PATIENCE)
    await until(lambda: len({whatsapp_id for whatsapp_id, _ in linked.heard.receipts}) == 300, 2 * PATIENCE)
