"""Mails about accounts. Every address in them begins with BASE_URL: a request's Host header can be forged."""

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from accounts.models import Membership, User


def password_address(user: User) -> str:
    """Where this person sets a password: works once, for `PASSWORD_RESET_TIMEOUT` seconds."""
    token = default_token_generator.make_token(user)
    path = reverse("accounts:password_reset_confirm", args=[urlsafe_base64_encode(force_bytes(user.pk)), token])
    return settings.BASE_URL + path


def send_password_reset(user: User) -> None:
    context = {"user": user, "address": password_address(user), "hours": settings.PASSWORD_RESET_TIMEOUT // 3600}
    _send(user, _("Set a new password"), "accounts/mails/password_reset.txt", context)


def send_invitation(membership: Membership, invited_by: User) -> None:
    """To somebody new with a link to set a password, to somebody known with a link to sign in."""
    user = membership.user
    context = {
        "user": user,
        "organization": membership.organization,
        "invited_by": invited_by,
        "role": membership.get_role_display(),
        "is_new": not user.has_usable_password(),
        "address": settings.BASE_URL + reverse("start") if user.has_usable_password() else password_address(user),
        "hours": settings.PASSWORD_RESET_TIMEOUT // 3600,
    }
    subject = _("%(person)s invites you to %(organization)s") % {
        "person": invited_by,
        "organization": membership.organization,
    }
    _send(user, subject, "accounts/mails/invitation.txt", context)


def _send(user: User, subject: str, template: str, context: dict[str, object]) -> None:
    # A line break in a name must not become a header of the mail.
    one_line = " ".join(subject.split())
    EmailMessage(one_line, render_to_string(template, context), to=[user.email]).send()
