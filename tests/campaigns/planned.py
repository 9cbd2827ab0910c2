"""Campaigns with a schedule, as tests start from."""

from datetime import timedelta
from typing import Any

from django.utils.timezone import now

from accounts.models import Organization
from campaigns import schedules, services
from campaigns.models import Campaign, Schedule
from contacts import services as contact_services
from contacts.models import Contact, ContactList
from tests.factories import phone_number


def make_list(organization: Organization, size: int, name: str = "Regulars") -> ContactList:
    contact_list = contact_services.create_list(organization=organization, name=name)
    add_people(contact_list, range(size))
    return contact_list


def add_people(contact_list: ContactList, numbers: range) -> None:
    contacts = Contact.objects.bulk_create(
        Contact(organization=contact_list.organization, phone_number=phone_number(number), name=f"Person {number}")
        for number in numbers
    )
    contact_list.contacts.add(*contacts)


def make_campaign(organization: Organization, contact_list: ContactList | None = None, **fields: Any) -> Campaign:
    """A campaign that is ready to start: to a list, to the `file` that is given, or to a list of three."""
    if contact_list is None and "file" not in fields:
        contact_list = make_list(organization, 3)
    campaign = services.create_campaign(
        organization=organization,
        **{"name": "Greetings", "template": "Hi {{name}}", "contact_list": contact_list, **fields},
    )
    services.prepare_campaign(campaign_id=campaign.pk)
    return Campaign.objects.get(pk=campaign.pk)


def schedule(campaign: Campaign, **asked: Any) -> Schedule:
    """Tomorrow, unless something else is asked for."""
    if "kind" not in asked:
        asked = {"kind": "once", "at": now() + timedelta(days=1), **asked}
    return schedules.schedule_campaign(campaign=campaign, **asked)


def make_due(campaign: Campaign, **ago: float) -> Schedule:
    """Moves the next time of its schedule into the past, as if nothing had run since: `minutes=1`, `hours=7`."""
    moment = (now() - timedelta(**ago)).replace(microsecond=0)
    Schedule.objects.filter(campaign=campaign).update(next_at=moment)
    return Schedule.objects.get(campaign=campaign)
