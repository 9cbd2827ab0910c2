"""Mails leave in the background: a slow mail server holds up nobody, and the answer tells nothing about accounts."""

import smtplib

from celery import shared_task

from accounts import mails
from accounts.models import Membership, User

TRY_AGAIN = {
    "autoretry_for": (smtplib.SMTPException, OSError),
    "retry_backoff": 5,  # seconds, doubling
    "max_retries": 4,
}


@shared_task(**TRY_AGAIN)
def send_password_reset(user_id: int) -> None:
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is not None:
        mails.send_password_reset(user)


@shared_task(**TRY_AGAIN)
def send_invitation(membership_id: int, invited_by_id: int) -> None:
    membership = Membership.objects.select_related("user", "organization").filter(pk=membership_id).first()
    invited_by = User.objects.filter(pk=invited_by_id).first()
    if membership is not None and invited_by is not None:  # either may be gone by now: then nobody is invited
        mails.send_invitation(membership, invited_by)
