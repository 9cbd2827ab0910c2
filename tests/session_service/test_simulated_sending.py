"""What becomes of messages on the simulated network: arrivals, repeats, receipts, failures, replies."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime

import pytest
import redis.asyncio

from messaging.models import MessageStatus
from session_service.providers.simulated import SimulatedProvider, network, outbox, provider
from session_service.providers.simulated.behaviour import Behaviour
from tests.session_service.listening import FAST, NUMBER, Listener, message, sender, until

BASE = replace(FAST, read_rate=1)
DELIVERED, READ = MessageStatus.DELIVERED, MessageStatus.READ


class Line:
    """Sender 1, linked and connected through a provider of its own."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.provider = SimulatedProvider(behaviour)
        self.listener = Listener()

    async def open(self, epoch: int = 1) -> "Line":
        network.link(NUMBER, 1)
        self.session = await self.provider.open(sender(NUMBER, epoch=epoch), self.listener)
        return self

    async def send(self, *messages) -> None:
        """Sends and waits for the answers to these messages."""
        expected = len(self.listener.sent) + len(messages)
        await self.session.send(messages)
        await until(lambda: len(self.listener.sent) == expected)

    def die(self) -> None:
        """What remains of a killed process: nothing runs, and nothing was tidied up."""
        self.provider._listener.cancel()
        for task in self.provider.outbox._tasks:
            task.cancel()


@pytest.fixture
async def open_line() -> AsyncIterator:
    lines = []

    async def opened(behaviour: Behaviour = BASE, epoch: int = 1) -> Line:
        line = await Line(behaviour).open(epoch)
        lines.append(line)
        return line

    yield opened
    for line in lines:
        await asyncio.wait_for(line.provider.close(), 5)


async def test_a_message_arrives_and_is_acknowledged_delivered_and_read(open_line):
    line = await open_line()
    await line.send(message(1, to="+6281234567891", text='Hi "Ayu" 👋', whatsapp_id="ABC"))
    assert line.listener.outcomes == {1: ("acknowledged", "")}
    await until(lambda: len(line.listener.recorded) == 2)
    assert line.listener.receipts == [("ABC", DELIVERED), ("ABC", READ)]

    [delivery] = network.deliveries()
    moment = datetime.fromisoformat(delivery.pop("at"))
    assert abs(moment.timestamp() - time.time()) < 10
    assert moment.utcoffset().total_seconds() == 0
    assert delivery == {
        "to": "+6281234567891",
        "from": NUMBER,
        "message_id": "ABC",
        "text": 'Hi "Ayu" 👋',
        "attempt": 1,
        "duplicate": False,
    }


async def test_a_repeat_under_the_same_id_is_recorded_and_dropped(open_line):
    line = await open_line()
    await line.send(message(1, whatsapp_id="ABC"))
    await line.send(message(1, whatsapp_id="ABC", attempt=2))
    assert line.listener.outcomes == {1: ("acknowledged", "")}
    assert [(d["attempt"], d["duplicate"]) for d in network.deliveries()] == [(1, False), (2, True)]
    await until(lambda: len(line.listener.recorded) >= 2)
    await asyncio.sleep(0.1)
    assert len(line.listener.recorded) == 2, "it is delivered and read only once"
    await line.send(message(2, whatsapp_id="ABC"))
    assert [(d["attempt"], d["duplicate"]) for d in network.deliveries()][2:] == [(1, False)], "another phone"


async def test_the_order_of_sending_is_the_order_of_arrival(open_line):
    line = await open_line()
    await line.send(*(message(number) for number in range(1, 1501)))
    assert [delivery["message_id"] for delivery in network.deliveries()] == [f"ID{n}" for n in range(1, 1501)]


async def test_the_acknowledgement_takes_its_time(open_line):
    line = await open_line(replace(BASE, ack_ms=150))
    began = time.monotonic()
    await line.session.send([message(1)])
    await until(lambda: list(network.deliveries()))
    assert not line.listener.sent, "it has arrived, and the acknowledgement is still on its way"
    await until(lambda: line.listener.sent)
    assert time.monotonic() - began >= 0.15


async def test_a_session_closes_at_once_and_its_answers_still_come(open_line):
    line = await open_line(replace(BASE, ack_ms=300))
    await line.session.send([message(1), message(2)])
    await until(lambda: len(list(network.deliveries())) == 2)
    began = time.monotonic()
    await line.session.close()
    assert time.monotonic() - began < 0.2
    await line.session.send([message(3)])
    await until(lambda: len(line.listener.sent) == 3)
    assert line.listener.outcomes == {
        1: ("acknowledged", ""),
        2: ("acknowledged", ""),
        3: ("closed", "closed"),
    }


async def test_closing_the_provider_waits_for_answers_but_not_for_ever(open_line, monkeypatch):
    patient = await open_line(replace(BASE, ack_ms=200))
    await patient.session.send([message(1)])
    await patient.provider.close()
    assert patient.listener.outcomes == {1: ("acknowledged", "")}

    monkeypatch.setattr(outbox, "SECONDS_FOR_ANSWERS", 0.1)
    hopeless = await open_line(replace(BASE, ack_ms=60_000), epoch=2)
    await hopeless.session.send([message(2)])
    began = time.monotonic()
    await hopeless.provider.close()
    assert time.monotonic() - began < 1
    assert not hopeless.listener.sent


async def test_numbers_that_are_not_on_whatsapp_are_refused(open_line):
    line = await open_line()
    await line.send(message(1, to="+6281234560000"), message(2, to="+6281234560001"))
    assert line.listener.outcomes == {1: ("rejected", "not_on_whatsapp"), 2: ("acknowledged", "")}
    assert [delivery["to"] for delivery in network.deliveries()] == ["+6281234560001"]


async def test_receipts_of_a_killed_worker_reach_the_next_one(open_line):
    first = await open_line(replace(BASE, delivered_ms=100, read_ms=200))
    await first.send(*(message(number) for number in range(1, 51)))
    first.die()
    second = await open_line(epoch=2)
    await until(lambda: len(second.listener.recorded) >= 100)
    assert sorted(second.listener.receipts) == sorted((f"ID{n}", s) for n in range(1, 51) for s in (DELIVERED, READ))
    assert not first.listener.recorded


async def test_receipts_wait_until_they_were_recorded(open_line, monkeypatch):
    monkeypatch.setattr(provider, "WAIT_AFTER_ERROR", 0.02)
    line = await open_line()
    line.listener.deaf = True
    await line.send(message(1))
    await until(lambda: line.listener.refused_records >= 3)
    line.listener.deaf = False
    await until(lambda: len(line.listener.recorded) == 2)
    await asyncio.sleep(0.15)
    assert line.listener.receipts == [("ID1", DELIVERED), ("ID1", READ)], "once recorded, they are not told again"


async def test_a_worker_killed_between_recording_and_forgetting_leaves_a_repeat_and_no_gap(open_line):
    class DiesAfterRecording(Listener):
        async def record(self, events):
            await super().record(events)
            first.die()
            await asyncio.sleep(0)  # the cancellation arrives here

    first = Line(BASE)
    first.listener = DiesAfterRecording()
    await first.open()
    await first.send(message(1))
    await until(lambda: first.listener.recorded)
    second = await open_line(epoch=2)
    await until(lambda: ("ID1", READ) in second.listener.receipts)
    assert ("ID1", DELIVERED) in second.listener.receipts


async def test_a_repeated_run_comes_to_the_same_whatever_the_order_and_the_ids(open_line):
    behaviour = replace(
        BASE, delivered_ms=50, read_rate=0.5, failure_rate=0.4, reply_rate=0.3, seed=11, reply_text="Yes"
    )

    async def run(number_of_run: int, messages: list, behaviour: Behaviour = behaviour) -> tuple:
        network.reset()
        line = await open_line(behaviour, epoch=number_of_run)
        await line.send(*(replace(m, whatsapp_id=f"{number_of_run}-{m.id}", epoch=number_of_run) for m in messages))
        delivered = [m for m in messages if line.listener.outcomes[m.id][0] == "acknowledged"]
        await until(
            lambda: len([r for r in line.listener.receipts if r[1] == DELIVERED]) == len(delivered), seconds=10
        )
        await asyncio.sleep(0.3)
        read = {whatsapp_id.split("-")[1] for whatsapp_id, status in line.listener.receipts if status == READ}
        return line.listener.outcomes, read, {inbound.phone_number for inbound in line.listener.inbound}

    messages = [message(number) for number in range(1, 201)]
    first = await run(1, messages)
    again = await run(2, list(reversed(messages)))
    otherwise = await run(3, messages, replace(behaviour, seed=12))
    assert first == again
    assert first[0] != otherwise[0]
    assert first[1] != otherwise[1]
    failed = [outcome for outcome, _ in first[0].values() if outcome != "acknowledged"]
    assert 50 < len(failed) < 110
    assert 0 < len(first[2]) < len(first[1]) < 200 - len(failed)


async def test_a_lost_message_may_pass_on_another_attempt_and_a_refused_one_is_final(open_line):
    line = await open_line(replace(BASE, failure_rate=0.9))
    waiting = [message(number) for number in range(1, 41)]
    seen = set()
    for attempt in range(1, 30):
        await line.send(*(replace(m, attempt=attempt) for m in waiting))
        seen |= set(line.listener.outcomes.values())
        waiting = [m for m in waiting if line.listener.outcomes[m.id][0] == "try again"]
    assert seen == {("try again", "network_error"), ("rejected", "refused"), ("acknowledged", "")}
    assert not waiting
    assert not [delivery for delivery in network.deliveries() if delivery["duplicate"]]


async def test_a_ban_refuses_the_message_and_everything_after_it(open_line):
    line = await open_line(replace(BASE, ban_rate=0.2))
    await line.send(*(message(number) for number in range(1, 101)))
    taken = [number for number, (_, code) in sorted(line.listener.outcomes.items()) if code == ""]
    assert 0 < len(taken) < 100
    assert taken == list(range(1, len(taken) + 1)), "what came before the ban went out"
    assert line.listener.outcomes[len(taken) + 1] == ("try again", "banned")
    assert {line.listener.outcomes[n] for n in range(len(taken) + 2, 101)} == {("closed", "banned")}
    assert len(list(network.deliveries())) == len(taken)
    await until(lambda: line.listener.statuses == ["connected", "banned"])


async def test_people_answer_after_reading(open_line):
    line = await open_line(replace(BASE, read_rate=0, reply_rate=1, reply_text="STOP"))
    await line.send(message(1, to="+6281234567891"))
    await until(lambda: line.listener.inbound)
    [reply] = line.listener.inbound
    assert (reply.sender_id, reply.phone_number, reply.text) == (1, "+6281234567891", "STOP")
    assert line.listener.receipts == [("ID1", DELIVERED), ("ID1", READ)]


async def test_what_people_say_waits_for_the_session(open_line):
    network.link(NUMBER, 1)
    said = network.say(from_number="+6281234567891", to_number=NUMBER, text="Halo")
    line = await open_line()
    await until(lambda: line.listener.inbound)
    later = network.say(from_number="+6281234567891", to_number=NUMBER, text="Halo")
    await until(lambda: len(line.listener.inbound) == 2)
    assert [inbound.whatsapp_id for inbound in line.listener.inbound] == [said, later]
    with pytest.raises(network.NotLinked):
        network.say(from_number="+6281234567891", to_number="+628119999999", text="Halo")


async def test_a_network_with_ids_of_its_own_recognises_no_repeat(open_line):
    line = await open_line(replace(BASE, keeps_message_ids=False))
    assert not line.provider.keeps_message_ids
    await line.send(message(1, whatsapp_id="OURS"))
    await line.send(message(1, whatsapp_id="OURS", attempt=2))
    deliveries = list(network.deliveries())
    ids = [result.whatsapp_id for result in line.listener.sent]
    assert [delivery["message_id"] for delivery in deliveries] == ids
    assert len(set(ids)) == 2
    assert "OURS" not in ids
    assert [(d["client_reference"], d["attempt"], d["duplicate"]) for d in deliveries] == [("OURS", 1, False)] * 2
    await until(lambda: len(line.listener.recorded) == 4)
    assert {whatsapp_id for whatsapp_id, _ in line.listener.receipts} == set(ids)


@pytest.mark.parametrize(("keeps_ids", "outcome"), [(True, "unreachable"), (False, "uncertain")])
async def test_a_lost_answer_is_never_taken_for_a_refusal(open_line, monkeypatch, keeps_ids, outcome):
    line = await open_line(replace(BASE, keeps_message_ids=keeps_ids))
    execute = redis.asyncio.client.Pipeline.execute

    async def loses_the_answer(pipeline, raise_on_error=True):
        await execute(pipeline, raise_on_error)
        raise redis.ConnectionError("the connection broke")

    with monkeypatch.context() as patch:
        patch.setattr(redis.asyncio.client.Pipeline, "execute", loses_the_answer)
        await line.send(message(1))
    assert line.listener.outcomes == {1: (outcome, "no_answer")}
    assert len(list(network.deliveries())) == 1, "and nothing repeats the message by itself"


async def test_the_record_of_arrivals_can_be_emptied_and_phones_still_know_repeats(open_line):
    line = await open_line()
    await line.send(message(1), message(2))
    assert network.reset_deliveries() == 2
    assert list(network.deliveries()) == []
    await line.send(message(1, attempt=2))
    assert [(d["message_id"], d["duplicate"]) for d in network.deliveries()] == [("ID1", True)]


@pytest.mark.parametrize("keeps_ids", [True, False])
async def test_what_could_not_even_be_handed_over_may_be_tried_again(open_line, monkeypatch, keeps_ids):
    line = await open_line(replace(BASE, keeps_message_ids=keeps_ids))

    async def refuses(pool):
        raise redis.ConnectionError("nobody listens")

    with monkeypatch.context() as patch:
        patch.setattr(redis.asyncio.BlockingConnectionPool, "get_connection", refuses)
        await line.send(message(1))
    assert line.listener.outcomes == {1: ("unreachable", "no_answer")}
    assert not list(network.deliveries())
