"""Lists of 50,000 and 500,000 people from upload to ready, beside SheetJS with batched inserts; what an upload answers
in, what other requests wait meanwhile, what memory the worker takes; and reading numbers beside `phonenumbers` alone."""

import http.client
import json
import random
import socket
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import phonenumbers
import psutil
from django.conf import settings

from accounts.models import Organization
from accounts.services import create_api_key
from bench import sheets
from bench.peers import campaigns
from bench.results import emit, percentile
from bench.surroundings import PATIENCE_SECONDS, child
from contacts.phone_numbers import find_mobile
from whatsapp_automation import local_servers

SHEETJS = Path(__file__).parent / "peers" / "sheetjs"
ROUNDS = 3  # of the small list, interleaved
SMALL, LARGE = 50_000, 500_000
LOOK_SECONDS = 0.02
OTHER_REQUESTS_SECONDS = 0.05  # between two requests of somebody else


def run(*, quick: bool) -> None:
    small, large = (500, 2_000) if quick else (SMALL, LARGE)
    _numbers(1_000 if quick else 20_000)
    campaigns.install(SHEETJS)
    with TemporaryDirectory() as folder, _product() as product:
        lists = {size: Path(folder) / f"{size}.xlsx" for size in (small, large)}
        for size, path in lists.items():
            sheets.write_people(path, size)
        product.send(lists[small])  # the first one compiles patterns and opens connections
        peers, ours = [], []
        for _ in range(1 if quick else ROUNDS):
            peers.append(_sheetjs(lists[small]))
            ours.append(product.send(lists[small]))
        _report(small, ours, "sheetjs and batches", statistics.median(peers))
        emit("imports", f"sheetjs and batches, {small} rows", statistics.median(peers), "s")
        ours_large = product.send(lists[large])
        _report(large, [ours_large], f"{small} rows", statistics.median(each.seconds for each in ours))


def _report(size: int, sent: list["Sent"], other: str, seconds: float) -> None:
    subject = f"{size} rows"
    took = statistics.median(each.seconds for each in sent)
    emit("imports", subject, took, "s", ratio_to=other, base=seconds)
    emit("imports", f"{subject}: upload answers in", max(each.answered for each in sent) * 1000, "ms")
    waits = [wait for each in sent for wait in each.waits]
    emit("imports", f"{subject}: other requests, p95", percentile(waits, 0.95) * 1000, "ms")
    emit("imports", f"{subject}: worker's memory", max(each.memory for each in sent) / 2**20, "MiB")


@dataclass
class Sent:
    """One list: seconds until the upload was answered and until it was ready, waits of other requests, bytes."""

    answered: float
    seconds: float
    memory: int
    waits: list[float] = field(default_factory=list)


@dataclass
class Running:
    """Web process and import worker, as `make run` starts them."""

    port: int
    key: str
    worker: psutil.Process

    def send(self, path: Path) -> Sent:
        """Uploads a list and waits until every row stands in the database, checked against the blocklist."""
        client = Client(self.port, self.key)
        content = path.read_bytes()
        with _others(Client(self.port, self.key)) as waits, _memory(self.worker) as memory:
            began = time.monotonic()
            answer = client.upload("/api/contacts/imports", path.name, content, {"commit": "false"})
            answered = time.monotonic() - began
            while (state := client.get(f"/api/contacts/imports/{answer['id']}"))["status"] == "reading":
                time.sleep(LOOK_SECONDS)
            seconds = time.monotonic() - began
        assert state["status"] == "ready", state
        return Sent(answered, seconds, max(memory), waits)


class Client:
    """One connection to the web process."""

    def __init__(self, port: int, key: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._key = key

    def get(self, path: str) -> Any:
        return self._ask("GET", path)

    def upload(self, path: str, name: str, content: bytes, fields: dict[str, str]) -> Any:
        mark = uuid.uuid4().hex
        part = f"--{mark}\r\nContent-Disposition: form-data; name=".encode()
        body = b"".join(part + f'"{name}"\r\n\r\n{value}\r\n'.encode() for name, value in fields.items())
        body += part + f'"file"; filename="{name}"\r\nContent-Type: application/octet-stream\r\n\r\n'.encode()
        body += content + f"\r\n--{mark}--\r\n".encode()
        return self._ask("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={mark}"})

    def _ask(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Any:
        self._connection.request(method, path, body, {"X-Api-Key": self._key, **(headers or {})})
        answer = self._connection.getresponse()
        text = answer.read()
        assert answer.status < 300, text
        return json.loads(text)


@contextmanager
def _product() -> Iterator[Running]:
    organization = Organization.objects.create(name="imports", slug="imports", timezone="Asia/Jakarta")
    _key, text = create_api_key(organization=organization, name="bench", requests_per_minute=1_000_000)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    web = ("-m", "uvicorn", "whatsapp_automation.asgi:application", "--port", str(port), "--no-access-log")
    tasks = ("-m", "celery", "-A", "whatsapp_automation", "worker", "-Q", "default,imports", "--concurrency=1")
    with ExitStack() as stack:
        stack.enter_context(child(sys.executable, *web, "--log-level=warning"))
        worker = stack.enter_context(child(sys.executable, *tasks, "--loglevel=ERROR"))
        _wait_for(port, text)
        yield Running(port, text, psutil.Process(worker.pid))


def _wait_for(port: int, key: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            Client(port, key).get("/api/contacts?search=budi")
        except OSError:
            assert time.monotonic() < deadline, "the web process does not start"
            time.sleep(0.1)
        else:
            return


@contextmanager
def _others(client: Client) -> Iterator[list[float]]:
    """Somebody who looks contacts up meanwhile: the seconds that each request took."""
    waits: list[float] = []
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(OTHER_REQUESTS_SECONDS):
            began = time.monotonic()
            client.get("/api/contacts?search=budi")
            waits.append(time.monotonic() - began)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield waits
    finally:
        ended.set()
        thread.join()


@contextmanager
def _memory(worker: psutil.Process) -> Iterator[list[int]]:
    """What the worker's processes had in memory, the largest of them, some times a second."""
    seen = [0]
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(LOOK_SECONDS):
            for process in (worker, *worker.children(recursive=True)):
                try:
                    seen.append(process.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def _sheetjs(path: Path) -> float:
    data_dir = Path(settings.DATA_DIR)
    options = {
        "file": str(path),
        "database_host": str(local_servers.socket_dir(data_dir)),
        "database_user": local_servers.DATABASE_USER,
        "database": campaigns.DATABASE,
    }
    command = [str(campaigns.NODE), str(SHEETJS / "import.mjs"), json.dumps(options)]
    return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def _numbers(count: int) -> None:
    dice = random.Random(3)
    written = [str(sheets.written_phone(index, dice)) for index in range(count)]
    rates = {}
    for subject, read in (("phonenumbers alone", _by_library), ("ours", lambda cell: find_mobile(cell, "ID"))):
        read(written[0])
        began = time.monotonic()
        found = sum(read(cell) is not None for cell in written)
        rates[subject] = count / (time.monotonic() - began)
        emit(
            "imports",
            f"numbers read: {subject}",
            rates[subject],
            "numbers/s",
            ratio_to="phonenumbers alone" if subject == "ours" else "",
            base=rates["phonenumbers alone"],
            usable=found,
        )


def _by_library(written: str) -> str | None:
    try:
        number = phonenumbers.parse(written, "ID")
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    if phonenumbers.number_type(number) not in (
        phonenumbers.PhoneNumberType.MOBILE,
        phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE,
    ):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
