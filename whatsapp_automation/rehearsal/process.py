"""Performs a rehearsal in a process of its own, beside the task that waits for it: its clock and its tables are not
those of anybody else, and its end, however it comes, is the end of nothing but the rehearsal."""

import json
import os
import queue
import subprocess
import sys
import threading
from datetime import datetime
from typing import IO, Any

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns import rehearsals
from campaigns.models import Rehearsal
from whatsapp_automation.rehearsal import stage

SETTINGS = "whatsapp_automation.rehearsal.settings"
SIGN_OF_LIFE_SECONDS = 1.0
ERROR_KEPT = 4_000  # bytes of what a process that broke had to say


def perform_waiting() -> None:
    """Performs what waits, one after the other, unless another process does."""
    while (rehearsal := rehearsals.take_next()) is not None:
        try:
            _perform(rehearsal)
        finally:
            stage.take_down(rehearsal.pk)


def take_down_left_over() -> None:
    """Stages of rehearsals whose process was killed, and that nobody takes up again."""
    standing = stage.left_over()
    wanted = Rehearsal.objects.filter(pk__in=standing, status__in=rehearsals.UNDER_WAY).values_list("pk", flat=True)
    for rehearsal_id in set(standing) - set(wanted):
        stage.take_down(rehearsal_id)


def _perform(rehearsal: Rehearsal) -> None:
    command = [sys.executable, "-m", "django", "perform_rehearsal", str(rehearsal.pk)]
    with subprocess.Popen(
        [sys.executable, "-m", "whatsapp_automation.parent_death", *command],
        cwd=settings.BASE_DIR,
        env={**os.environ, "DJANGO_SETTINGS_MODULE": SETTINGS},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            outcome = _follow(rehearsal.pk, process)
        finally:
            process.kill()
    if outcome is None:
        return  # cancelled
    if "result" in outcome:
        rehearsals.finish(rehearsal.pk, outcome["result"])
    else:
        rehearsals.fail(rehearsal.pk, outcome["error"])


def _follow(rehearsal_id: int, process: subprocess.Popen[str]) -> dict[str, Any] | None:
    """Keeps what the process says until its last line; None where somebody cancelled the rehearsal meanwhile.

    Raises `RuntimeError` with what it complained of where it broke: then the rehearsal is `failed` as well.
    """
    said: queue.Queue[str | None] = queue.Queue()
    complaints: list[str] = []
    threads = [
        threading.Thread(target=_read, args=(process.stdout, said), daemon=True),
        threading.Thread(target=lambda: complaints.append(_last_of(process.stderr)), daemon=True),
    ]
    for thread in threads:
        thread.start()
    while True:
        try:
            line = said.get(timeout=SIGN_OF_LIFE_SECONDS)
        except queue.Empty:
            if not rehearsals.note(rehearsal_id):
                return None
            continue
        if line is None:
            break
        news = json.loads(line)
        if "result" in news or "error" in news:
            return dict(news)
        moment = datetime.fromisoformat(news["moment"])
        if not rehearsals.note(rehearsal_id, moment=moment, done=news["done"], people=news["people"]):
            return None
    threads[1].join(SIGN_OF_LIFE_SECONDS)
    rehearsals.fail(rehearsal_id, _("It broke off for a reason on our side. Try it again."))
    raise RuntimeError(f"rehearsal {rehearsal_id} broke off: {''.join(complaints)}")


def _read(stream: IO[str] | None, said: "queue.Queue[str | None]") -> None:
    for line in stream or ():
        said.put(line)
    said.put(None)


def _last_of(stream: IO[str] | None) -> str:
    return stream.read()[-ERROR_KEPT:] if stream is not None else ""
