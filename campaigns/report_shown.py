"""The report with names and words instead of ids and codes, as the page and the API show it."""

from datetime import UTC, datetime
from typing import Any

from django.utils.translation import gettext as _

from campaigns.error_words import words_for
from campaigns.models import Campaign
from campaigns.report import Report
from messaging.models import MessageStatus
from messaging.replies import REPLY_DAYS
from senders.models import Sender

REACHED = ("sent", "delivered", "read", "replied")


def as_json(campaign: Campaign, report: Report) -> dict[str, Any]:
    """As `campaigns.api_report` describes it."""
    return {
        "as_of": report.as_of,
        "status": campaign.status,
        "people": report.people,
        "reply_days": REPLY_DAYS,
        "funnel": report.funnel,
        "details": details(campaign, report),
    }


def details(campaign: Campaign, report: Report) -> dict[str, Any] | None:
    counted = report.details
    if counted is None:
        return None
    return {
        "as_of": report.details_as_of,
        "is_current": report.is_current,
        "timezone": campaign.batch.timezone or campaign.organization.timezone,
        "step_seconds": counted["step"],
        "timeline": [
            {"at": datetime.fromtimestamp(moment, UTC), **_reached(figures)}
            for moment, *figures in counted["timeline"]
        ],
        "by_sender": _by_sender(campaign, counted["senders"]),
        "by_hour": [{"hour": hour, **_reached(figures)} for hour, figures in enumerate(counted["hours"])],
        "problems": [_problem(*each) for each in counted["errors"]],
    }


def _reached(figures: list[int]) -> dict[str, int]:
    return dict(zip(REACHED, figures, strict=False))


def _by_sender(campaign: Campaign, counted: list[list[Any]]) -> list[dict[str, Any]]:
    own = Sender.objects.for_organization(campaign.organization)
    names = dict(own.filter(pk__in=[row[0] for row in counted]).values_list("pk", "name"))
    return [
        {
            "sender": sender_id if sender_id in names else None,
            "name": names.get(sender_id, _("No sender")),
            **_reached(figures),
            "failed": figures[len(REACHED)],
        }
        for sender_id, *figures in counted
    ]


def _problem(status: int, code: str, people: int, can_be_retried: int) -> dict[str, Any]:
    words = words_for(status, code)
    return {
        "status": MessageStatus(status).label,
        "code": code,
        "people": people,
        "can_be_retried": can_be_retried,
        "text": str(words.what),
        "advice": str(words.advice),
    }
