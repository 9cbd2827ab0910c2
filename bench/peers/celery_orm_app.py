"""The same campaign as tasks are written in most Django projects: through the ORM, a step a transaction.

Started as `celery -A bench.peers.celery_orm_app worker`.
"""

import os
import secrets
import time
from pathlib import Path
from typing import Any

import django
from celery import Celery
from django.conf import settings

from whatsapp_automation import local_servers

DATA_DIR = Path(os.environ["DATA_DIR"])
LATENCY_SECONDS = float(os.environ.get("BENCH_LATENCY_MS", "0")) / 1000

settings.configure(
    DATABASES={
        "default": {
            "ENGINE": "django.db.backends.postgresql",
            "HOST": str(local_servers.socket_dir(DATA_DIR)),
            "USER": local_servers.DATABASE_USER,
            "NAME": "peers",
            "CONN_MAX_AGE": None,
            "OPTIONS": {"server_side_binding": True},
        }
    },
    USE_TZ=True,
)
django.setup()

from django.db import models, transaction  # noqa: E402
from django.db.models import F  # noqa: E402
from django.utils.timezone import now  # noqa: E402

app = Celery("peer", broker=local_servers.celery_broker_url(local_servers.redis_url(DATA_DIR)))
app.conf.update(task_ignore_result=True, task_default_queue="peer", broker_connection_retry_on_startup=True)


class Campaign(models.Model):
    id = models.AutoField(primary_key=True)
    template = models.TextField()
    sent = models.IntegerField(default=0)
    delivered = models.IntegerField(default=0)
    read = models.IntegerField(default=0)
    objects: models.Manager = models.Manager()

    class Meta:
        app_label, managed, db_table = "peers", False, "campaign"


class Sender(models.Model):
    id = models.IntegerField(primary_key=True)
    sent = models.IntegerField(default=0)
    objects: models.Manager = models.Manager()

    class Meta:
        app_label, managed, db_table = "peers", False, "sender"


class Recipient(models.Model):
    id = models.BigAutoField(primary_key=True)
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE)
    phone_number = models.TextField()
    variables = models.JSONField()
    status = models.TextField(default="pending")
    sender_id = models.IntegerField(null=True)
    text = models.TextField(null=True)
    whatsapp_id = models.TextField(null=True, unique=True)
    sent_at = models.DateTimeField(null=True)
    delivered_at = models.DateTimeField(null=True)
    read_at = models.DateTimeField(null=True)
    objects: models.Manager = models.Manager()

    class Meta:
        app_label, managed, db_table = "peers", False, "recipient"


class MessageLog(models.Model):
    id = models.BigAutoField(primary_key=True)
    recipient_id = models.BigIntegerField()
    sender_id = models.IntegerField()
    whatsapp_id = models.TextField()
    text = models.TextField()
    at = models.DateTimeField(default=now)
    objects: models.Manager = models.Manager()

    class Meta:
        app_label, managed, db_table = "peers", False, "message_log"


@app.task(name="send")
def send(recipient: int, sender: int, template: str, variables: dict[str, Any]) -> None:
    """Sends one message and writes what a network without delays says of it."""
    row = Recipient.objects.get(pk=recipient)
    if row.status != "pending":
        return
    row.text = template
    for name, value in variables.items():
        row.text = row.text.replace("{{" + name + "}}", str(value))
    if LATENCY_SECONDS:
        time.sleep(LATENCY_SECONDS)
    row.status, row.sender_id, row.sent_at = "sent", sender, now()
    row.whatsapp_id = "3EB0" + secrets.token_hex(9).upper()
    with transaction.atomic():
        row.save(update_fields=["status", "sender_id", "text", "whatsapp_id", "sent_at"])
        MessageLog.objects.create(recipient_id=row.pk, sender_id=sender, whatsapp_id=row.whatsapp_id, text=row.text)
        Sender.objects.filter(pk=sender).update(sent=F("sent") + 1)
        Campaign.objects.filter(pk=row.campaign_id).update(sent=F("sent") + 1)
    _receipt(row.whatsapp_id, "delivered")
    _receipt(row.whatsapp_id, "read")


def _receipt(whatsapp_id: str, status: str) -> None:
    with transaction.atomic():
        row = Recipient.objects.select_for_update().get(whatsapp_id=whatsapp_id)
        row.status = status
        setattr(row, f"{status}_at", now())
        row.save(update_fields=["status", f"{status}_at"])
        Campaign.objects.filter(pk=row.campaign_id).update(**{status: F(status) + 1})
