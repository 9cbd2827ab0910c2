"""The WhatsApp groups of senders: what WhatsApp says of them now, kept for when it cannot be asked."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.services import Actor, record
from contacts import queries as contact_queries
from contacts.identities import Identity, numbers_of
from messaging import people
from messaging.models import Group
from senders.models import Sender
from session_service.questions import NotAnswered, ask

MADE_A_DAY = 10  # groups of people who did not ask for them get a number reported


class Refused(Exception):
    """The group cannot be made like this. `field` is what to change; the text is for people."""

    def __init__(self, field: str, text: str) -> None:
        super().__init__(text)
        self.field = field


def refresh(*, sender: Sender) -> None:
    """Brings the groups of a sender up to date. Raises `NotAnswered`."""
    moment = now()
    answered = ask(sender_id=sender.pk, do="groups")
    Group.objects.bulk_create(
        [_row(sender, group, moment) for group in answered],
        update_conflicts=True,
        unique_fields=["sender", "whatsapp_id"],
        update_fields=["subject", "updated_at", "left_at"],
    )
    Group.objects.filter(sender=sender, left_at=None, updated_at__lt=moment).update(left_at=moment)


def _row(sender: Sender, group: dict[str, Any], moment: Any) -> Group:
    return Group(
        organization_id=sender.organization_id,
        sender=sender,
        whatsapp_id=group["whatsapp_id"],
        subject=group["subject"][:200],
        updated_at=moment,
        left_at=None,
    )


def create(*, sender: Sender, subject: str, numbers: Sequence[str], by: Actor = None) -> Group:
    """Makes a group with these people. Raises `Refused` or `NotAnswered`."""
    organization = sender.organization
    if contact_queries.blocked_among(organization, numbers):
        raise Refused("members", _("Somebody of them is on the blocklist."))
    made = Group.objects.filter(sender=sender, created_by_us=True, created_at__gt=now() - timedelta(days=1)).count()
    if made >= MADE_A_DAY:
        raise Refused("sender", _("This sender has made %(n)d groups in 24 hours; more is not safe.") % {"n": made})
    answered = ask(sender_id=sender.pk, do="create_group", subject=subject, numbers=list(numbers))
    with transaction.atomic():
        group, _was_new = Group.objects.update_or_create(
            sender=sender,
            whatsapp_id=answered["whatsapp_id"],
            defaults={"organization": organization, "subject": answered["subject"][:200], "created_by_us": True},
        )
        record(organization=organization, by=by, action="group.created", target=subject, sender=sender.name)
    _keep_members(group, answered["members"])
    return group


def refresh_members(*, group: Group) -> None:
    """Brings the members of a group up to date. Raises `NotAnswered`."""
    _keep_members(group, ask(sender_id=group.sender_id, do="group_members", group=group.whatsapp_id))


def _keep_members(group: Group, members: list[dict[str, Any]]) -> None:
    """Also learns which number belongs to which LID; members do not become contacts by it."""
    seen = [Identity(each["phone_number"], each["lid"], is_new_contact=False) for each in members]
    people.learn(organization_id=group.organization_id, seen=[each for each in seen if each.phone_number])
    numbers = numbers_of(organization_id=group.organization_id, lids=[each["lid"] for each in members])
    for each in members:
        each["phone_number"] = each["phone_number"] or numbers.get(each["lid"], "")
    group.members, group.members_at = members, now()
    group.save(update_fields=["members", "members_at"])


__all__ = ["NotAnswered", "Refused", "create", "refresh", "refresh_members"]
