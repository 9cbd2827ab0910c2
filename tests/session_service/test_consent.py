"""Where an organization demands consent, marketing reaches only those who gave it: at every step."""

from collections import Counter

import pytest
from django.db import transaction

from accounts.models import Organization
from campaigns import services as campaigns
from contacts import consent
from contacts.models import Contact, ContactList, ContactSettings
from messaging import planner, queries
from messaging import services as messaging
from messaging.counts import Changes
from messaging.models import Batch, Message, MessageStatus, Purpose
from senders.models import Sender
from session_service.queue import lease_due
from tests.factories import assert_counters_true, make_batch, make_lease, make_organization, make_sender, phone_number

pytestmark = pytest.mark.django_db
AGREED, SILENT, WITHDRAWN = phone_number(0), phone_number(1), phone_number(2)


@pytest.fixture
def organization() -> Organization:
    organization = make_organization()
    consent.say(organization=organization, phone_number=AGREED, is_given=True)
    consent.say(organization=organization, phone_number=WITHDRAWN, is_given=True)
    consent.say(organization=organization, phone_number=WITHDRAWN, is_given=False)
    return organization


@pytest.fixture
def sender(organization: Organization) -> Sender:
    return make_sender(organization)


def demand_consent(organization: Organization) -> None:
    ContactSettings.objects.update_or_create(organization=organization, defaults={"marketing_needs_consent": True})


def states(batch: Batch | None) -> dict[str, tuple[int, str]]:
    rows = Message.objects.filter(batch=batch).values_list("phone_number", "status", "skip_reason")
    return {number: (status, reason) for number, status, reason in rows}


def leased_from(sender: Sender) -> set[str]:
    lease = make_lease(sender)
    changes = Changes()
    with transaction.atomic():
        leased = lease_due(
            worker_id=lease.worker_id or 0, held=[(sender.pk, lease.epoch, True)], room=100, changes=changes
        )
        changes.save()
    return {message.to for message in leased}


@pytest.mark.parametrize("purpose", Purpose.values)
def test_freezing_skips_who_has_not_agreed(organization: Organization, sender: Sender, purpose: str) -> None:
    demand_consent(organization)
    contact_list = ContactList.objects.create(organization=organization, name="Regulars")
    for number in (AGREED, SILENT, WITHDRAWN):
        contact_list.contacts.add(Contact.objects.create(organization=organization, phone_number=number))
    campaign = campaigns.create_campaign(
        organization=organization, name="Sale", template="Hi", contact_list=contact_list, purpose=purpose
    )
    campaigns.prepare_campaign(campaign_id=campaign.pk)
    skipped = {"no_consent": 2} if purpose == Purpose.MARKETING else {}
    stats = queries.batch_stats(campaign.batch_id)
    assert (stats["total"], stats["skipped"]) == (3, skipped)
    assert_counters_true(campaign.batch)


def test_planning_skips_who_has_not_agreed(organization: Organization, sender: Sender) -> None:
    batch = make_batch(organization, [sender], 3)
    service = make_batch(organization, [sender], 3, purpose=Purpose.SERVICE)
    demand_consent(organization)
    planner.plan_all()
    skipped = (MessageStatus.SKIPPED, "no_consent")
    assert states(batch) == {AGREED: (MessageStatus.QUEUED, ""), SILENT: skipped, WITHDRAWN: skipped}
    assert Counter(status for status, _ in states(service).values()) == {MessageStatus.QUEUED: 3}
    assert_counters_true(batch)


def test_what_is_queued_already_is_skipped_at_the_lease(organization: Organization, sender: Sender) -> None:
    batch = make_batch(organization, [sender], 3)
    service = make_batch(organization, [sender], 5, purpose=Purpose.SERVICE, priority=1)
    Message.objects.filter(batch=service, phone_number__in=[AGREED, SILENT, WITHDRAWN]).delete()
    planner.plan_all()
    demand_consent(organization)
    assert leased_from(sender) == {AGREED, phone_number(3), phone_number(4)}
    assert states(batch)[SILENT] == states(batch)[WITHDRAWN] == (MessageStatus.SKIPPED, "no_consent")
    assert_counters_true(batch)


def test_nothing_changes_where_consent_is_not_demanded(organization: Organization, sender: Sender) -> None:
    demand_consent(make_organization())
    make_batch(organization, [sender], 3)
    planner.plan_all()
    assert leased_from(sender) == {AGREED, SILENT, WITHDRAWN}


def test_single_messages_are_no_marketing(organization: Organization, sender: Sender) -> None:
    demand_consent(organization)
    messaging.send_message(organization=organization, to=SILENT, text="Your order has left.")
    planner.plan_all()
    assert leased_from(sender) == {SILENT}
