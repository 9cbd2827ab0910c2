"""A campaign on Celery: a task a recipient. Started as `celery -A bench.peers.celery_app worker`."""

import os
import secrets
import threading
import time
from pathlib import Path
from typing import Any

import psycopg
from celery import Celery

from whatsapp_automation import local_servers

HERE = Path(__file__).parent
SENT, DELIVERED, READ = ((HERE / f"{step}.sql").read_text() for step in ("sent", "delivered", "read"))
DATA_DIR = Path(os.environ["DATA_DIR"])
LATENCY_SECONDS = float(os.environ.get("BENCH_LATENCY_MS", "0")) / 1000

app = Celery("peer", broker=local_servers.celery_broker_url(local_servers.redis_url(DATA_DIR)))
app.conf.update(task_ignore_result=True, task_default_queue="peer", broker_connection_retry_on_startup=True)

_kept = threading.local()


def _cursor() -> psycopg.RawCursor[Any]:
    """A cursor on this thread's own connection; each statement commits by itself."""
    if not hasattr(_kept, "cursor"):
        address = f"host={local_servers.socket_dir(DATA_DIR)} user={local_servers.DATABASE_USER} dbname=peers"
        connection = psycopg.connect(address, autocommit=True, prepare_threshold=0)
        _kept.cursor = psycopg.RawCursor(connection)
    cursor: psycopg.RawCursor[Any] = _kept.cursor
    return cursor


@app.task(name="send")
def send(recipient: int, sender: int, template: str, variables: dict[str, Any]) -> None:
    """Sends one message and writes what a network without delays says of it."""
    text = template
    for name, value in variables.items():
        text = text.replace("{{" + name + "}}", str(value))
    if LATENCY_SECONDS:
        time.sleep(LATENCY_SECONDS)
    whatsapp_id = "3EB0" + secrets.token_hex(9).upper()
    _cursor().execute(SENT, [recipient, sender, text, whatsapp_id])
    _cursor().execute(DELIVERED, [whatsapp_id])
    _cursor().execute(READ, [whatsapp_id])
