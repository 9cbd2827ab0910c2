"""Mails about due times of schedules at which nothing was started, and about approvals."""

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Organization, Role, User
from campaigns.models import Campaign, CampaignChange, Occurrence, Schedule
from messaging.recurrence import written

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
    maker = _members(schedule.organization).filter(pk__in=[schedule.created_by_id])
    return _of(_managing(schedule.organization) | maker)


def _members(organization: Organization) -> QuerySet[User]:
    return User.objects.filter(memberships__organization=organization, is_active=True)


def _managing(organization: Organization) -> QuerySet[User]:
    return User.objects.filter(
        memberships__organization=organization,
        memberships__role__in=[Role.OWNER, Role.ADMIN],
        is_active=True,
    )


def _of(people: QuerySet[User]) -> list[str]:
    return list(people.order_by("email").values_list("email", flat=True).distinct())


# -- Approvals --


def send_approvals() -> None:
    """One mail for each thing that was done about an approval: to whoever may approve, or to whoever asked."""
    due = CampaignChange.objects.filter(notice_due=True).order_by("pk")
    for change_id in due.values_list("pk", flat=True):
        with transaction.atomic():
            held = CampaignChange.objects.select_for_update(skip_locked=True, of=("self",)).filter(notice_due=True)
            change = held.select_related("campaign", "organization", "user", "api_key").filter(pk=change_id).first()
            if change is not None:
                _send_approval(change)
                CampaignChange.objects.filter(pk=change_id).update(notice_due=False)


_SUBJECTS = {
    "submitted": gettext_lazy("“%(campaign)s” waits for your approval"),
    "approved": gettext_lazy("“%(campaign)s” is approved"),
    "returned": gettext_lazy("“%(campaign)s” was returned to you"),
}


def _send_approval(change: CampaignChange) -> None:
    campaign = change.campaign
    subject = _SUBJECTS[change.what] % {"campaign": " ".join(str(campaign).split())}
    path = reverse("campaigns:detail", args=[change.organization.slug, campaign.pk])
    context = {"change": change, "campaign": campaign, "by": change.user or change.api_key}
    text = render_to_string("campaigns/mails/approval.txt", {**context, "address": settings.BASE_URL + path})
    for address in _whom_to_tell(change, campaign):
        EmailMessage(subject, text, to=[address]).send()


def _whom_to_tell(change: CampaignChange, campaign: Campaign) -> list[str]:
    """Never whoever did it."""
    if change.what == "submitted":
        people = _managing(change.organization)
    else:
        asked = CampaignChange.objects.filter(campaign=campaign, what="submitted", pk__lt=change.pk)
        askers = asked.order_by("-pk").values_list("user_id", flat=True)[:1]
        people = _members(change.organization).filter(pk__in=[*askers, campaign.created_by_id])
    return _of(people.exclude(pk=change.user_id) if change.user_id else people)
