"""One bridge process and the conversation with it. `session_service/baileys_bridge/README.md` has the protocol."""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from itertools import count
from typing import Any

from session_service.providers.baileys import node

log = logging.getLogger(__name__)

PROTOCOL = 1
LONGEST_LINE = 64 * 1024 * 1024
SECONDS_TO_START = 30.0
SECONDS_TO_ANSWER = 30.0
SECONDS_BETWEEN_LOOKS = 15.0
SECONDS_TO_ANSWER_A_LOOK = 30.0  # a process may be busy for a while, as when many sessions are opened
SECONDS_TO_STOP = 3.0

Line = dict[str, Any]


class Refused(Exception):
    """The bridge says no; the text is Baileys' or WhatsApp's."""


class Gone(Exception):
    """The bridge process ended, or does not answer."""


class Bridge:
    """A running process. `on_event` is called for each event in their order and must not wait; `on_question` answers
    what the bridge asks; `on_end` is called once, when the process is gone."""

    def __init__(
        self,
        *,
        on_event: Callable[["Bridge", Line], None],
        on_question: Callable[[Line], Awaitable[Any]],
        on_end: Callable[["Bridge"], None],
    ) -> None:
        self.sessions: set[int] = set()  # by the number that the conversation knows them by
        self.usage: Line = {}
        self._on_event = on_event
        self._on_question = on_question
        self._on_end = on_end
        self._process: asyncio.subprocess.Process | None = None
        self._answers: dict[int, asyncio.Future[Any]] = {}
        self._numbers = count(1)
        self._tasks: set[asyncio.Task[None]] = set()
        self._ended = False

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        return self._process is not None and not self._ended

    async def start(self, settings: Mapping[str, Any]) -> None:
        """Raises `node.NotInstalled`, `Gone` or `Refused`."""
        self._process = await asyncio.create_subprocess_exec(
            *node.command(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=node.environment(),
            limit=LONGEST_LINE,
            cwd=node.FOLDER,
        )
        if self._process.stdout is not None:
            self._start(self._read(self._process.stdout))
        await self.ask("hello", seconds=SECONDS_TO_START, protocol=PROTOCOL, **settings)
        self._start(self._look_after())
        log.info("bridge %s started", self.pid)

    # -- Saying --

    def tell(self, line: Line) -> None:
        """Writes a line. What is under way is bounded by those who call, so nobody waits for the pipe."""
        if self.alive and self._process and self._process.stdin:
            self._process.stdin.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")

    async def ask(self, order: str, *, seconds: float = SECONDS_TO_ANSWER, **parameters: Any) -> Any:
        """The bridge's answer. Raises `Refused`, or `Gone` when there is none in time."""
        if not self.alive:
            raise Gone("the bridge process ended")
        number = next(self._numbers)
        answer = self._answers[number] = asyncio.get_running_loop().create_future()
        self.tell({"id": number, "do": order, **parameters})
        try:
            return await asyncio.wait_for(answer, seconds)
        except TimeoutError as error:
            raise Gone(f"the bridge did not answer in {seconds:g} s") from error
        finally:
            self._answers.pop(number, None)

    # -- Hearing --

    async def _read(self, output: asyncio.StreamReader) -> None:
        try:
            while line := await output.readline():
                self._hear(json.loads(line))
        except (ValueError, OSError) as error:
            log.error("bridge %s said something that cannot be read: %s", self.pid, error)
        await self._end()

    def _hear(self, line: Line) -> None:
        if "re" in line:
            answer = self._answers.get(line["re"])
            if answer is not None and not answer.done():
                answer.set_exception(Refused(line["error"])) if "error" in line else answer.set_result(line["ok"])
        elif "ask" in line:
            self._start(self._answer(line))
        elif line.get("event") == "hello":
            if line["protocol"] != PROTOCOL:
                log.error("the bridge speaks protocol %s instead of %s", line["protocol"], PROTOCOL)
                self.kill()
        else:
            self._on_event(self, line)

    async def _answer(self, line: Line) -> None:
        try:
            self.tell({"re": line["id"], "ok": await self._on_question(line)})
        except Exception as error:  # noqa: BLE001  the bridge must not wait without an end
            log.warning("a question of the bridge (%s) has no answer: %s", line["ask"], error)
            self.tell({"re": line["id"], "error": "no answer"})

    async def _look_after(self) -> None:
        """Ends a process that does not answer any more: its sessions only look alive."""
        while self.alive:
            await asyncio.sleep(SECONDS_BETWEEN_LOOKS)
            try:
                self.usage = await self.ask("usage", seconds=SECONDS_TO_ANSWER_A_LOOK)
            except Gone as error:
                if self.alive:
                    log.error("bridge %s is ended: %s", self.pid, error)
                    self.kill()

    # -- The end --

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.kill()

    async def stop(self) -> None:
        """Closes its standard input, at which it ends; kills it where that takes too long."""
        if self._process is None:
            return
        if self._process.stdin:
            self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), SECONDS_TO_STOP)
        except TimeoutError:
            self.kill()
            await self._process.wait()
        current = asyncio.current_task()
        for task in [task for task in self._tasks if task is not current]:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _end(self) -> None:
        if self._ended or self._process is None:
            return
        self._ended = True
        try:
            code = await asyncio.wait_for(self._process.wait(), SECONDS_TO_STOP)
        except TimeoutError:  # it closed its output and lives on
            self.kill()
            code = await self._process.wait()
        log.info("bridge %s ended with %s", self.pid, code)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(Gone("the bridge process ended"))
        self._on_end(self)

    def _start(self, work: Any) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
