"""Celery's door to senders."""

import smtplib

from celery import shared_task
from celery.contrib.django.task import DjangoTask
from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Role
from senders.models import Sender


@shared_task(base=DjangoTask, autoretry_for=(smtplib.SMTPException, OSError), retry_backoff=5, max_retries=4)
def send_pause_notice(sender_id: int) -> None:
    """Mails the organization's owners and admins that a sender paused itself, unless it goes on by now."""
    sender = Sender.objects.select_related("organization").filter(pk=sender_id, paused_at__isnull=False).first()
    if sender is None:
        return
    members = sender.organization.memberships.filter(role__in=[Role.OWNER, Role.ADMIN], user__is_active=True)
    addresses = list(members.values_list("user__email", flat=True))
    subject = _("%(sender)s has paused itself") % {"sender": " ".join(sender.name.split())}
    path = reverse("senders:detail", args=[sender.organization.slug, sender.pk])
    context = {"sender": sender, "address": settings.BASE_URL + path}
    for address in addresses:
        EmailMessage(subject, render_to_string("senders/mails/paused.txt", context), to=[address]).send()
