"""What segments of contacts can ask about campaigns: who got one, received it, opened it, or wrote after it."""

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from campaigns.models import Campaign
from contacts.models import ContactList, Segment
from contacts.segments import services
from contacts.segments.fields import Choices, Field, Group, Kind, Text, register
from messaging.models import BatchStatus, MessageStatus

_OF_CAMPAIGN = """SELECT message.phone_number FROM messaging_message AS message
    JOIN campaigns_campaign AS campaign ON campaign.batch_id = message.batch_id
    WHERE campaign.id = %(choice)s::bigint AND campaign.organization_id = %(organization)s
        AND message.status BETWEEN LOWEST AND HIGHEST"""
_READ = MessageStatus.READ.value


def register_fields() -> None:
    """Called once, when the apps are ready."""
    register(
        _field("campaign_sent", _("was sent the message"), _("was not sent the message"), MessageStatus.SENT.value),
        _field(
            "campaign_delivered",
            _("received the message"),
            _("did not receive the message"),
            MessageStatus.DELIVERED.value,
        ),
        _field("campaign_opened", _("opened the message"), _("did not open the message"), _READ),
    )
    services.uses.append(_campaigns_that_need)
    services.uses_of_lists.append(_campaigns_that_spare)


def _field(key: str, label: Text, label_not: Text, lowest: int) -> Field:
    people = _OF_CAMPAIGN.replace("LOWEST", str(lowest)).replace("HIGHEST", str(_READ))
    return Field(key, label, Kind.CAMPAIGN, Group.CAMPAIGNS, label_not=label_not, people=people, choices=_choices)


def _choices(organization: Organization) -> Choices:
    found = Campaign.objects.for_organization(organization).order_by("-pk").values_list("pk", "name")
    return [(str(pk), name) for pk, name in found]


def _campaigns_that_need(segment: Segment) -> list[str]:
    """Campaigns that nobody started: a scheduled one fixes its audience anew when it begins, and an exclusion that went
    meanwhile would reach the very people whom it was to spare."""
    return _names_of(Q(segment=segment) | Q(excluded_segments=segment))


def _campaigns_that_spare(contact_list: ContactList) -> list[str]:
    return _names_of(Q(excluded_lists=contact_list))


def _names_of(condition: Q) -> list[str]:
    waiting = Campaign.objects.filter(condition, error="", batch__status=BatchStatus.READY)
    return list(waiting.distinct().values_list("name", flat=True))
