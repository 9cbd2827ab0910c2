"""What a worker says about itself with its heartbeat: CPU, memory, messages a minute."""

import time
from collections import deque

import psutil

MEASURED_EVERY = 5.0  # seconds; asking the system about every child process is not free
MINUTE = 60


class Figures:
    """Of this process and everything that it started, such as the programs that hold real WhatsApp sessions."""

    def __init__(self) -> None:
        self._process = psutil.Process()
        self._measured_at = time.monotonic()
        self._cpu_seconds = self._processor_seconds([])
        self._cpu_percent = 0.0
        self._memory = 0
        self._sent: deque[tuple[int, int]] = deque()  # second on this process's clock, messages in it

    def note_sent(self, number: int) -> None:
        second = int(time.monotonic())
        if self._sent and self._sent[-1][0] == second:
            number += self._sent.pop()[1]
        self._sent.append((second, number))

    def now(self) -> dict[str, float]:
        """Fields of `SessionWorker`. CPU and memory are measured anew every few seconds."""
        moment = time.monotonic()
        if moment - self._measured_at >= MEASURED_EVERY or not self._memory:
            self._measure(moment)
        while self._sent and self._sent[0][0] <= moment - MINUTE:
            self._sent.popleft()
        return {
            "cpu_percent": self._cpu_percent,
            "memory_bytes": self._memory,
            "messages_a_minute": sum(number for _second, number in list(self._sent)),
        }

    def _measure(self, moment: float) -> None:
        children = self._process.children(recursive=True)
        used, seconds = self._processor_seconds(children), moment - self._measured_at
        if seconds > 0:
            self._cpu_percent = round(max(0.0, used - self._cpu_seconds) / seconds * 100, 1)
        self._cpu_seconds, self._measured_at = used, moment
        self._memory = sum(_resident_bytes(each) for each in (self._process, *children))

    def _processor_seconds(self, children: list[psutil.Process]) -> float:
        """What a child that ended has used counts with its parent."""
        total = 0.0
        for process in (self._process, *children):
            try:
                times = process.cpu_times()
            except psutil.NoSuchProcess:
                continue
            total += times.user + times.system + times.children_user + times.children_system
        return total


def _resident_bytes(process: psutil.Process) -> int:
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0
