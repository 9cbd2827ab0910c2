"""Campaigns to the same people while the worker and its bridge are killed, on an emulated WhatsApp."""

import random
import signal
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import psutil
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from accounts import services as accounts
from accounts.models import Organization
from bench.promises.campaign import ARRIVED, all_connected, is_finished, planning, sheet_of
from bench.promises.faults import running_servers
from bench.promises.stack import NeverHappened, Stack, session_workers
from campaigns import services as campaigns
from messaging import counts, planner
from messaging.models import Message
from senders import linking
from senders import services as senders
from senders.models import Provider, Sender
from tests.whatsapp_emulator.running import RunningEmulator

DELAYS_MS = (50, 250)  # a campaign of thirty people over three senders takes about two seconds
LONGEST_ROUND = 240.0
REPLIES_A_ROUND = 3
UNREADABLE_A_ROUND = 3  # messages that their phone cannot read at first
LATE_A_ROUND = 8  # acknowledgements that a kill may come before
# What is killed: the worker with its bridge, the worker alone (the bridge then notices), or the bridge alone.
WEIGHTS = {"worker and bridge": 50, "worker": 20, "bridge": 30}
WINDOW_SECONDS = 10  # in which transactions are counted


@dataclass(frozen=True)
class Plan:
    seed: int
    kills: int
    people: int
    senders: int

    @property
    def phones(self) -> list[str]:
        return [f"+62812{number:07}1" for number in range(1, self.people + 1)]


@dataclass
class Expected:
    """Every text that must arrive once: at a phone, and at the senders."""

    texts: Counter[tuple[str, str]] = field(default_factory=Counter)
    replies: Counter[tuple[str, str]] = field(default_factory=Counter)
    batch_ids: list[int] = field(default_factory=list)


def run(plan: Plan, data_dir: Path, emulator: RunningEmulator) -> tuple[dict[str, Any], list[str]]:
    """Returns the summary and what was broken."""
    randomness = random.Random(plan.seed)
    emulator.behave(delivered_ms=50, read_ms=50)
    with running_servers(data_dir) as stack:
        _watch_auth_writes()
        organization = accounts.create_organization(name="Shop", slug="shop", time_zone="Asia/Jakarta")
        stack.add(session_workers(1))
        _link(stack, emulator, organization, plan.senders)
        began = time.monotonic()
        expected, kills = Expected(), Counter[str]()
        broken: list[str] = []
        while kills.total() < plan.kills and not broken:
            try:
                _round(stack, emulator, organization, plan, randomness, expected, kills)
            except NeverHappened as problem:
                broken.append(str(problem))
        try:
            stack.wait(planning(lambda: _all_arrived(emulator, expected)), "all texts have arrived", 120)
        except NeverHappened as problem:
            broken.append(str(problem))
        stack.sleep(2)  # what should not arrive any more
        seconds = time.monotonic() - began
        stack.stop([name for name in stack.programs if name.startswith("session-service")])
        figures, more = _judge(stack, emulator, expected)
        summary = {
            "bench": "ratchets",
            "seed": plan.seed,
            "people": plan.people,
            "senders": plan.senders,
            "kills": dict(sorted(kills.items())),
            "kills_in_all": kills.total(),
            "campaigns": len(expected.batch_ids),
            "seconds": round(seconds, 1),
            **figures,
        }
        return summary, [*broken, *more]


# -- What happens --


def _link(stack: Stack, emulator: RunningEmulator, organization: Organization, number: int) -> None:
    """Links so many senders by QR code, as people do it: no code is scanned after this."""
    for index in range(1, number + 1):
        sender = senders.create_sender(
            organization=organization,
            name=f"Sender {index}",
            provider=Provider.BAILEYS,
            quota_per_minute=None,
            quota_per_hour=None,
            quota_per_day=None,
        )
        senders.request_connect(sender=sender)
        stack.wait(partial(linking.shown_qr, sender.pk), f"sender {index} shows a code", 60)
        code = linking.shown_qr(sender.pk)
        assert code is not None
        emulator.scan(qr=code.text, phone=f"+62811{index:07}1")
    stack.wait(all_connected, "every sender is connected", 60)


def _round(
    stack: Stack,
    emulator: RunningEmulator,
    organization: Organization,
    plan: Plan,
    randomness: random.Random,
    expected: Expected,
    kills: Counter[str],
) -> None:
    """One campaign to everybody, with a kill somewhere in it or while the sessions come back."""
    number = len(expected.batch_ids) + 1
    batch_id = _start_campaign(organization, plan.phones, number)
    expected.batch_ids.append(batch_id)
    expected.texts.update((phone, _text(number)) for phone in plan.phones)
    numbers = list(Sender.objects.values_list("phone_number", flat=True))
    for phone in randomness.sample(plan.phones, REPLIES_A_ROUND):
        reply = f"Reply {number} of {phone}"
        emulator.say(sender=phone, to=randomness.choice(numbers), text=reply)
        expected.replies[phone, reply] += 1
    moments = sorted(randomness.uniform(0.3, 2.5) for _ in range(1 if randomness.random() < 0.7 else 2))
    emulator.fault("phone_cannot_decrypt", count=UNREADABLE_A_ROUND)
    emulator.fault("delay_ack", ms=400, count=LATE_A_ROUND)
    before = 0.0
    for moment in moments:
        _plan_for(stack, moment - before)
        before = moment
        if kills.total() < plan.kills and (kind := _kill(stack, randomness)):
            kills[kind] += 1
    stack.wait(planning(partial(is_finished, batch_id)), f"campaign {number} is finished", LONGEST_ROUND)
    if number % 5 == 0:
        print(f"{kills.total()} kills; {emulator.stats()['retries_asked']} retries", file=sys.stderr, flush=True)


def _start_campaign(organization: Organization, phones: list[str], number: int) -> int:
    rows = [("Name", "Phone"), *((f"Person {phone[-4:]}", phone) for phone in phones)]
    campaign = campaigns.create_campaign(
        organization=organization,
        name=f"Campaign {number}",
        template=_text(number),
        file=SimpleUploadedFile("people.xlsx", sheet_of(rows)),
        file_name="people.xlsx",
        min_delay_ms=DELAYS_MS[0],
        max_delay_ms=DELAYS_MS[1],
    )
    campaigns.prepare_campaign(campaign_id=campaign.pk)
    campaign.refresh_from_db()
    campaigns.start_campaign(campaign=campaign)
    return campaign.batch_id


def _text(number: int) -> str:
    return f"Campaign number {number}."


def _kill(stack: Stack, randomness: random.Random) -> str:
    """What was killed; empty where there was nothing to kill in this moment."""
    [kind] = randomness.choices(list(WEIGHTS), list(WEIGHTS.values()))
    workers = stack.alive("session-service")
    if not workers:
        return ""
    if kind == "bridge":
        return kind if stack.kill_child(workers[0], _the_bridge) else ""
    stack.kill(workers[0], signal.SIGKILL, group=kind == "worker and bridge")
    return kind


def _the_bridge(children: list[psutil.Process]) -> psutil.Process:
    return max(children, key=lambda child: "node" in child.name())


def _plan_for(stack: Stack, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        planner.plan_all()
        stack.sleep(0.1)


# -- What must be true --


def _all_arrived(emulator: RunningEmulator, expected: Expected) -> bool:
    return _read(emulator) >= expected.texts and _stored() >= expected.replies


def _read(emulator: RunningEmulator) -> Counter[tuple[str, str]]:
    """What people saw: repeats under one id are dropped by the phone."""
    return Counter((line["phone"], line["text"]) for line in emulator.lines() if line["text"].startswith("Campaign"))


def _stored() -> Counter[tuple[str, str]]:
    return Counter(Message.objects.filter(direction="in").values_list("phone_number", "text"))


def _judge(stack: Stack, emulator: RunningEmulator, expected: Expected) -> tuple[dict[str, Any], list[str]]:
    read, stored, stats = _read(emulator), _stored(), emulator.stats()
    statuses = Counter(Message.objects.filter(batch_id__in=expected.batch_ids).values_list("status", flat=True))
    transactions = _transactions()
    figures = {
        "texts": expected.texts.total(),
        "read_once": sum(number == 1 for number in read.values()),
        "repeats_dropped": stats["repeats"],
        "retries_asked_by_phones": stats["retries_asked"],
        "retries_answered_by_phones": stats["retries_answered"],
        "replies_stored_once": sum(number == 1 for number in stored.values()),
        "key_transactions": transactions["keys"],
        "credential_transactions": transactions["credentials"],
        "most_key_transactions_in_10_s": transactions["most"],
    }
    broken = {
        "texts were read more than once": sum(number > 1 for number in read.values()),
        "texts were never read": (expected.texts - read).total(),
        "texts were read that nobody sent": (read - expected.texts).total(),
        "replies are missing": (expected.replies - stored).total(),
        "replies are stored twice": (stored - expected.replies).total(),
        "messages are not shown as sent": sum(n for status, n in statuses.items() if status not in ARRIVED),
        "batches have wrong counters": sum(not counts.are_true(batch_id) for batch_id in expected.batch_ids),
        "times a device was connected twice": len(emulator.replaced()),
        "senders are not linked any more": Sender.objects.filter(is_linked=False).count(),
        "workers gave up by themselves": stack.died_by_themselves["session-service"],
        "key transactions more than one a second": max(0, transactions["most"] - WINDOW_SECONDS - 1),
    }
    said = [f"{number} {what}" for what, number in broken.items() if number]
    if not stats["retries_asked"]:
        said.append("no phone asked for a message again, so that healing was not tried")
    return figures, said


def _watch_auth_writes() -> None:
    """PostgreSQL itself notes each transaction that writes auth state, with the connection that it came over."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            CREATE TABLE bench_auth_writes (
                at timestamptz NOT NULL, connection integer NOT NULL, transaction xid8 NOT NULL, kind text NOT NULL
            );
            CREATE FUNCTION bench_note_auth_write() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                INSERT INTO bench_auth_writes
                VALUES (clock_timestamp(), pg_backend_pid(), pg_current_xact_id(), TG_ARGV[0]);
                RETURN NULL;
            END $$;
            CREATE TRIGGER bench_keys AFTER INSERT OR UPDATE OR DELETE ON session_service_authkey
                FOR EACH STATEMENT EXECUTE FUNCTION bench_note_auth_write('keys');
            CREATE TRIGGER bench_credentials AFTER INSERT OR UPDATE OR DELETE ON session_service_authcredentials
                FOR EACH STATEMENT EXECUTE FUNCTION bench_note_auth_write('credentials');
            """
        )


def _transactions() -> dict[str, int]:
    """Transactions of keys alone and with credentials, and the most of keys alone of one worker within the window."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH each AS (
                SELECT connection, transaction, min(at) AS at, bool_or(kind = 'credentials') AS has_credentials
                FROM bench_auth_writes GROUP BY connection, transaction
            )
            SELECT count(*) FILTER (WHERE NOT has_credentials), count(*) FILTER (WHERE has_credentials),
                COALESCE((
                    SELECT max(number) FROM (
                        SELECT count(*) OVER (
                            PARTITION BY connection ORDER BY at RANGE BETWEEN %s * interval '1 second' PRECEDING
                            AND CURRENT ROW
                        ) AS number FROM each WHERE NOT has_credentials
                    ) AS windows
                ), 0)
            FROM each
            """,
            [WINDOW_SECONDS],
        )
        keys, credentials, most = cursor.fetchone()
    return {"keys": keys, "credentials": credentials, "most": most}
