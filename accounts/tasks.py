"""Mails leave in the background: a slow mail server holds up nobody, and the answer tells nothing about accounts."""

import smtplib

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from accounts import mails
from accounts.models import Membership, User

MAIL_SERVER_TROUBLE = (smtplib.SMTPException, OSError)
TRIES = 5
FIRST_WAIT = 5  # seconds, doubling


@shared_task(base=DjangoTask, autoretry_for=MAIL_SERVER_TROUBLE, retry_backoff=FIRST_WAIT, max_retries=TRIES - 1)
def send_password_reset(user_id: int) -> None:
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is not None:
        mails.send_password_reset(user)


@shared_task(base=DjangoTask, autoretry_for=MAIL_SERVER_TROUBLE, retry_backoff=FIRST_WAIT, max_retries=TRIES - 1)
def send_invitation(membership_id: int, invited_by_id: int) -> None:
    membership = Membership.objects.select_related("user", "organization").filter(pk=membership_id).first()
    invited_by = User.objects.filter(pk=invited_by_id).first()
    if membership is not None and invited_by is not None:  # either may be gone by now: then nobody is invited
        mails.send_invitation(membership, invited_by)
