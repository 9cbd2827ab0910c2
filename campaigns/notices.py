"""Mails about due times of schedules at which nothing was started."""

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Role, User
from campaigns.models import Occurrence, Schedule
from campaigns.recurrence import written

MOST_NAMED = 20


def send_due() -> None:
    """One mail a schedule to the organization's owners and admins and to whoever made the schedule.

    What a mail told of is marked in the transaction that sent it: a process that dies in between sends it again.
    """
    for schedule_id in (
        Occurrence.objects.filter(notice_due=True).order_by("schedule").values_list("schedule", flat=True).distinct()
    ):
        with transaction.atomic():
            untold = Occurrence.objects.filter(schedule=schedule_id, notice_due=True).order_by("at")
            occurrences = list(untold.select_for_update(skip_locked=True))
            if occurrences:
                _send(Schedule.objects.select_related("campaign", "organization").get(pk=schedule_id), occurrences)
                Occurrence.objects.filter(pk__in=[each.pk for each in occurrences]).update(notice_due=False)


def _send(schedule: Schedule, occurrences: list[Occurrence]) -> None:
    campaign = schedule.campaign
    subject = _("“%(campaign)s” was not started") % {"campaign": " ".join(campaign.name.split())}
    context = {
        "campaign": campaign,
        "organization": schedule.organization,
        "lines": [f"{written(each.at, schedule.zone)}: {each.reason}" for each in occurrences[:MOST_NAMED]],
        "more": max(0, len(occurrences) - MOST_NAMED),
        "address": settings.BASE_URL + reverse("campaigns:detail", args=[schedule.organization.slug, campaign.pk]),
    }
    text = render_to_string("campaigns/mails/not_started.txt", context)
    for address in _addresses(schedule):
        EmailMessage(subject, text, to=[address]).send()


def _addresses(schedule: Schedule) -> list[str]:
    members = User.objects.filter(memberships__organization=schedule.organization, is_active=True)
    managing = members.filter(memberships__role__in=[Role.OWNER, Role.ADMIN])
    maker = members.filter(pk__in=[schedule.created_by_id])
    return list((managing | maker).order_by("email").values_list("email", flat=True).distinct())
