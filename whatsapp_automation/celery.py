"""The Celery application: `celery -A whatsapp_automation worker`."""

import gc
import os
import time
from functools import cache
from typing import Any

from celery import Celery
from celery.signals import task_success, worker_process_init
from django.conf import settings
from redis import Redis

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "whatsapp_automation.settings")

PLANNER = "messaging.tasks.plan"
PLANNER_RAN_AT = "health:planner_ran_at"  # Redis key: seconds since 1970

app = Celery("whatsapp_automation")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_process_init.connect(dispatch_uid="spare_the_collector")
def spare_the_collector(**kwargs: Any) -> None:
    """What the code itself holds in memory is never garbage: looking through it would double some passes of the planner."""
    gc.collect()
    gc.freeze()


@task_success.connect(dispatch_uid="planner_ran")
def remember_planner_run(sender: Any = None, **kwargs: Any) -> None:
    """The health page reports a planner that stopped: without it nothing is sent and nothing else fails."""
    if sender is not None and sender.name == PLANNER:
        _redis().set(PLANNER_RAN_AT, time.time())


@cache
def _redis() -> Redis:
    return Redis.from_url(settings.REDIS_CACHE_URL, socket_timeout=2)
