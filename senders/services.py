"""Every change that people make to senders. What their sessions become is written by the session service.

People say what they want (`wanted`); the session service sees it within a second and acts.
"""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts import live
from accounts.models import Organization
from accounts.services import Actor, record
from senders import health, linking
from senders.models import Provider, Sender, SenderStatus

QUOTAS = ("quota_per_minute", "quota_per_hour", "quota_per_day")
LIMITS = (*QUOTAS, "warm_up_per_day")
# Nobody holds a session of these: connecting starts anew, and the sender may be deleted.
ENDED_STATUSES = (SenderStatus.DISCONNECTED, SenderStatus.LOGGED_OUT, SenderStatus.REPLACED, SenderStatus.BANNED)


class NotAllowed(Exception):
    """The request makes no sense in the sender's present state. The message is for the person who asked."""


@transaction.atomic
def create_sender(
    *,
    organization: Organization,
    name: str,
    provider: str = Provider.SIMULATED,
    phone_number: str = "",
    by: Actor = None,
    **limits: int | None,
) -> Sender:
    """A sender that nobody has connected yet. `phone_number` (E.164) is the one to link, where it is known before.

    `limits` are those of `LIMITS`; None means no limit, and one that is left out has the model's default. Raises
    ValidationError by field.
    """
    sender = Sender(
        organization=organization,
        name=name.strip(),
        provider=provider,
        phone_number=phone_number,
        **_checked_limits(limits),
    )
    sender.full_clean(validate_constraints=False)
    _save(sender)
    record(organization=organization, by=by, action="sender.created", target=sender.name, provider=str(provider))
    return sender


@transaction.atomic
def change_sender(*, sender: Sender, by: Actor = None, **fields: Any) -> Sender:
    """Changes name and limits. Raises ValidationError by field."""
    allowed = {"name", *LIMITS}
    if unknown := fields.keys() - allowed:
        raise TypeError(f"Not for people to change: {', '.join(sorted(unknown))}")
    _checked_limits({name: value for name, value in fields.items() if name in LIMITS})
    changes = {}
    for name, value in fields.items():
        before = getattr(sender, name)
        if before != value:
            changes[name] = {"from": before, "to": value}
            setattr(sender, name, value)
    if changes:
        sender.full_clean(validate_constraints=False)
        _save(sender, update_fields=list(changes))
        record(organization=sender.organization, by=by, action="sender.changed", target=sender.name, changes=changes)
    return sender


def _checked_limits(limits: dict[str, int | None]) -> dict[str, int | None]:
    errors = {
        name: _("Write 1 or more, or leave it empty for no limit.")
        for name, value in limits.items()
        if value is not None and value < 1
    }
    if errors:
        raise ValidationError(errors)
    return limits


def _save(sender: Sender, **options: Any) -> None:
    """Saves a sender. Raises ValidationError where its name or number is taken, also by somebody in this moment."""
    try:
        with transaction.atomic():
            sender.save(**options)
    except IntegrityError as error:
        if "one_sender_a_name" in str(error):
            raise ValidationError({"name": _("Another sender has this name already.")}) from error
        if "one_sender_a_number" in str(error):
            raise ValidationError({"phone_number": _("Another sender already uses this number.")}) from error
        raise


@transaction.atomic
def request_connect(*, sender: Sender, pairing_number: str = "", by: Actor = None) -> Sender:
    """Asks for a session. A sender that has one keeps it.

    One that is not linked shows a QR code, or a pairing code for `pairing_number` (E.164) where that is given; asking
    again with the other changes what is shown. Raises `NotAllowed` for the number of a sender that is linked, and
    ValidationError by field.
    """
    sender = _locked(sender)
    if pairing_number:
        _check_pairing_number(sender, pairing_number)
    waits_for_link = sender.status in (SenderStatus.CONNECTING, SenderStatus.SCAN)
    if sender.wanted and (sender.pairing_number == pairing_number or not waits_for_link):
        return sender
    sender.wanted = True
    sender.pairing_number = pairing_number
    if sender.status in ENDED_STATUSES:
        sender.status = SenderStatus.CONNECTING
        sender.status_detail = ""
        sender.status_at = now()
        sender.next_try_at = None
    sender.save(update_fields=["wanted", "pairing_number", "status", "status_detail", "status_at", "next_try_at"])
    how = {"by_pairing_code": True} if pairing_number else {}
    record(organization=sender.organization, by=by, action="sender.connect", target=sender.name, **how)
    _tell_pages(sender)
    return sender


def _check_pairing_number(sender: Sender, pairing_number: str) -> None:
    if sender.is_linked:
        raise NotAllowed(
            _("“%(name)s” is linked already. Log it out first, then link it again.") % {"name": sender.name}
        )
    if Sender.objects.filter(phone_number=pairing_number).exclude(pk=sender.pk).exists():
        raise ValidationError({"pairing_number": _("Another sender already uses this number.")})


@transaction.atomic
def request_logout(*, sender: Sender, by: Actor = None) -> Sender:
    """Asks to unlink a sender from its phone. One without a session is connected for it. Raises `NotAllowed` where
    nothing is linked."""
    sender = _locked(sender)
    if not sender.is_linked:
        raise NotAllowed(_("“%(name)s” is not linked: there is nothing to log out.") % {"name": sender.name})
    if sender.logging_out:
        return sender
    sender.logging_out = sender.wanted = True
    if sender.status in ENDED_STATUSES:
        sender.status, sender.status_detail, sender.status_at = SenderStatus.CONNECTING, "", now()
    sender.save(update_fields=["logging_out", "wanted", "status", "status_detail", "status_at"])
    record(organization=sender.organization, by=by, action="sender.logout", target=sender.name)
    _tell_pages(sender)
    return sender


@transaction.atomic
def request_disconnect(*, sender: Sender, by: Actor = None) -> Sender:
    """Asks for the end of the session; the phone stays linked. What is queued goes to the batch's other senders."""
    sender = _locked(sender)
    if not sender.wanted:
        return sender
    sender.wanted = sender.logging_out = False
    sender.save(update_fields=["wanted", "logging_out"])
    record(organization=sender.organization, by=by, action="sender.disconnect", target=sender.name)
    _tell_pages(sender)
    return sender


@transaction.atomic
def pause_sender(*, sender: Sender, by: Actor = None) -> Sender:
    """Holds a sender back and keeps its session: it still receives, and hears what became of what it sent."""
    sender = _locked(sender)
    if sender.paused_at is not None:
        return sender
    sender.paused_at = now()
    sender.paused_reason = _("%(person)s paused it.") % {"person": by} if by else _("It was paused.")
    sender.save(update_fields=["paused_at", "paused_reason"])
    record(organization=sender.organization, by=by, action="sender.paused", target=sender.name)
    _tell_pages(sender)
    return sender


@transaction.atomic
def resume_sender(*, sender: Sender, by: Actor = None) -> Sender:
    """Lets a sender that was paused, rests or is in bad health send again, slowly at first.

    Somebody has looked at it: its failures are forgotten, and its health is the least that sends.
    """
    sender = _locked(sender)
    sender.paused_at = sender.resting_until = None
    sender.paused_reason = ""
    sender.consecutive_failures = 0
    sender.health, sender.health_at = max(health.of(sender), health.LOWEST_HEALTH), now()
    sender.save(
        update_fields=["paused_at", "paused_reason", "resting_until", "consecutive_failures", "health", "health_at"]
    )
    record(organization=sender.organization, by=by, action="sender.resumed", target=sender.name)
    _tell_pages(sender)
    return sender


@transaction.atomic
def delete_sender(*, sender: Sender, by: Actor = None) -> None:
    """Deletes a sender without a session; its messages stay. Raises `NotAllowed` while it has one, or wants one."""
    sender = _locked(sender)
    if sender.wanted or sender.status not in ENDED_STATUSES:
        raise NotAllowed(_("Disconnect “%(name)s” first, then delete it.") % {"name": sender.name})
    sender_id = sender.pk
    sender.delete()
    record(organization=sender.organization, by=by, action="sender.deleted", target=sender.name)
    transaction.on_commit(lambda: linking.forget(sender_id))


def _locked(sender: Sender) -> Sender:
    """The sender as it is now: the session service may have written its state since the page was made."""
    return Sender.objects.select_for_update(of=("self",)).select_related("organization").get(pk=sender.pk)


def _tell_pages(sender: Sender) -> None:
    event = {"type": "state", "status": str(sender.status), "detail": sender.status_detail}
    transaction.on_commit(lambda: live.publish(f"sender.{sender.pk}", event))
