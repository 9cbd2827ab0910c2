"""The planner as Celery runs it: a pass every second, and one more at once when a line comes on standard input.

Ends with standard input. Then prints the length of every pass in milliseconds as a JSON list.
"""

import json
import os
import select
import sys
import time

import django

django.setup()

from accounts.models import Organization  # noqa: E402
from messaging import planner  # noqa: E402
from whatsapp_automation.celery import spare_the_collector  # noqa: E402

PAUSE_SECONDS = 1.0

plan_organization = planner.plan_organization
passes: list[float] = []


def timed(organization: Organization) -> int:
    began = time.perf_counter()
    queued = plan_organization(organization)
    passes.append(round((time.perf_counter() - began) * 1000, 2))
    return queued


def run() -> None:
    spare_the_collector()
    planner.plan_organization = timed
    due = time.monotonic()
    while True:
        asked, _, _ = select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))
        if asked and not os.read(sys.stdin.fileno(), 100):
            break
        planner.plan_all()
        if not asked:
            due = max(due + PAUSE_SECONDS, time.monotonic())
    print(json.dumps(passes))


if __name__ == "__main__":
    run()
