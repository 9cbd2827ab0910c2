"""Campaigns to segments: who is in them is decided when the audience is fixed."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils.timezone import now

from accounts.models import Organization
from campaigns import services
from campaigns.models import Campaign, CampaignStatus
from contacts import lists
from contacts import services as contact_services
from contacts.models import AttributeDefinition, BlocklistEntry, Contact, ContactList, Segment
from contacts.segments import services as segments
from messaging.models import Batch, BatchStatus, Message, MessageStatus, SkipReason
from senders.models import Sender
from tests.factories import assert_counters_true, make_sender

IN_BANDUNG = {"field": "attribute.city", "operator": "is", "value": "bandung"}


@pytest.fixture
def sender(organization: Organization) -> Sender:
    return make_sender(organization)


def make_person(organization: Organization, index: int, city: str = "", **fields: Any) -> Contact:
    return Contact.objects.create(
        organization=organization,
        phone_number=f"+62812000{index:04}",
        name=f"Person {index}",
        attributes={"city": city} if city else {},
        **fields,
    )


@pytest.fixture
def segment(organization: Organization) -> Segment:
    AttributeDefinition.objects.create(organization=organization, key="city")
    return segments.create_segment(organization=organization, name="Bandung", conditions=IN_BANDUNG)


def make_campaign(organization: Organization, **fields: Any) -> Campaign:
    return services.create_campaign(
        organization=organization, **{"name": "Sale", "template": "Hi {{name}} in {{city|town}}", **fields}
    )


def frozen(campaign: Campaign) -> dict[str, tuple[int, str]]:
    services.prepare_campaign(campaign_id=campaign.pk)
    campaign.refresh_from_db()
    found = Message.objects.filter(batch=campaign.batch_id)
    if found:
        assert_counters_true(campaign.batch)
    return {message.phone_number: (message.status, message.skip_reason) for message in found}


def test_the_audience_is_who_fits_when_it_is_fixed(
    organization: Organization, sender: Sender, segment: Segment
) -> None:
    stays, leaves = make_person(organization, 1, "Bandung"), make_person(organization, 2, "Bandung")
    blocked = make_person(organization, 3, "BANDUNG")
    make_person(organization, 4, "Jakarta")
    BlocklistEntry.objects.create(organization=organization, phone_number=blocked.phone_number)
    campaign = make_campaign(organization, segment=segment)
    Contact.objects.filter(pk=leaves.pk).update(attributes={"city": "Depok"})
    joins = make_person(organization, 5, "Bandung")
    assert frozen(campaign) == {
        stays.phone_number: (MessageStatus.PENDING, ""),
        joins.phone_number: (MessageStatus.PENDING, ""),
        blocked.phone_number: (MessageStatus.SKIPPED, SkipReason.BLOCKED),
    }
    assert campaign.segment_summary == "city is bandung"
    assert Message.objects.get(phone_number=stays.phone_number).variables["city"] == "Bandung"


def test_list_and_segment_together_mean_each_person_once(
    organization: Organization, sender: Sender, segment: Segment
) -> None:
    both, listed, fits = (
        make_person(organization, 1, "Bandung"),
        make_person(organization, 2),
        make_person(organization, 3, "Bandung"),
    )
    contact_list = ContactList.objects.create(organization=organization, name="List")
    contact_list.contacts.set([both, listed])
    campaign = make_campaign(organization, segment=segment, contact_list=contact_list)
    assert set(frozen(campaign)) == {each.phone_number for each in (both, listed, fits)}


def test_nobody_excluded_gets_anything(organization: Organization, sender: Sender, segment: Segment) -> None:
    kept, listed, tagged = (make_person(organization, index, "Bandung") for index in (1, 2, 3))
    Contact.objects.filter(pk=tagged.pk).update(tags=["vip"])
    staff = ContactList.objects.create(organization=organization, name="Staff")
    staff.contacts.set([listed])
    vips = segments.create_segment(
        organization=organization, name="VIP", conditions={"field": "tags", "operator": "has", "value": ["VIP"]}
    )
    campaign = make_campaign(organization, segment=segment, excluded_lists=[staff], excluded_segments=[vips])
    assert set(frozen(campaign)) == {kept.phone_number}


def test_an_empty_segment_fails_the_campaign_with_the_reason(
    organization: Organization, sender: Sender, segment: Segment
) -> None:
    campaign = make_campaign(organization, segment=segment)
    assert frozen(campaign) == {}
    assert campaign.status == CampaignStatus.FAILED
    assert "Bandung" in campaign.error


def test_a_segment_that_lost_its_list_reaches_nobody(organization: Organization, sender: Sender) -> None:
    make_person(organization, 1)
    contact_list = ContactList.objects.create(organization=organization, name="Staff")
    others = segments.create_segment(
        organization=organization,
        name="Not staff",
        conditions={"field": "list", "operator": "is_not", "value": contact_list.pk},
    )
    campaign = make_campaign(organization, segment=others, template="Hi")
    contact_list.delete()
    with pytest.raises(ValidationError) as refused:
        make_campaign(organization, segment=others, template="Hi")
    assert "no longer there" in refused.value.message_dict["segment"][0]
    assert frozen(campaign) == {}
    assert "no longer there" in campaign.error


def test_a_variable_that_no_contact_has_is_refused(
    organization: Organization, sender: Sender, segment: Segment
) -> None:
    make_person(organization, 1, "Bandung")
    with pytest.raises(ValidationError) as refused:
        make_campaign(organization, segment=segment, template="Hi {{town}}")
    assert set(refused.value.message_dict) == {"template"}


def test_a_segment_stays_while_a_campaign_waits_for_it(
    organization: Organization, sender: Sender, segment: Segment
) -> None:
    make_person(organization, 1, "Bandung")
    campaign = make_campaign(organization, segment=segment, name="Waiting")
    with pytest.raises(segments.NotAllowed, match="Waiting"):
        segments.delete_segment(segment=segment)
    frozen(campaign)
    with pytest.raises(segments.NotAllowed):  # one that is scheduled fixes its audience anew
        segments.delete_segment(segment=segment)
    Batch.objects.update(status=BatchStatus.RUNNING)
    segments.delete_segment(segment=segment)
    campaign.refresh_from_db()
    assert campaign.segment is None
    assert campaign.segment_summary == "city is bandung"


def test_what_spares_people_cannot_go_while_a_campaign_waits(
    organization: Organization, sender: Sender, segment: Segment
) -> None:
    staff = ContactList.objects.create(organization=organization, name="Staff")
    asking = ContactList.objects.create(organization=organization, name="Asked for")
    other = segments.create_segment(
        organization=organization, name="Other", conditions={"field": "list", "operator": "is", "value": asking.pk}
    )
    make_campaign(organization, segment=segment, name="Waiting", excluded_lists=[staff], excluded_segments=[other])
    with pytest.raises(contact_services.NotAllowed, match="Waiting"):
        lists.delete(contact_list=staff)
    with pytest.raises(segments.NotAllowed, match="Waiting"):
        segments.delete_segment(segment=other)
    with pytest.raises(contact_services.NotAllowed, match="Other"):
        lists.delete(contact_list=asking)
    Batch.objects.update(status=BatchStatus.COMPLETED)
    segments.delete_segment(segment=other)
    lists.delete(contact_list=asking)
    lists.delete(contact_list=staff)


def test_segments_know_who_opened_a_campaign(organization: Organization, sender: Sender, segment: Segment) -> None:
    opened, ignored = make_person(organization, 1, "Bandung"), make_person(organization, 2, "Bandung")
    campaign = make_campaign(organization, segment=segment)
    frozen(campaign)
    sent = Message.objects.filter(batch=campaign.batch)
    sent.update(status=MessageStatus.DELIVERED, sent_at=now() - timedelta(days=2))
    sent.filter(phone_number=opened.phone_number).update(status=MessageStatus.READ)

    def people(**condition: Any) -> set[str]:
        found = segments.find(organization, condition, with_sample=True)
        assert found.people == len(found.sample)
        return {contact.phone_number for contact in found.sample}

    assert people(field="campaign_opened", operator="is", value=campaign.pk) == {opened.phone_number}
    assert people(field="campaign_opened", operator="is_not", value=str(campaign.pk)) == {ignored.phone_number}
    assert people(field="opened", operator="last_days", value=3) == {opened.phone_number}
    assert people(field="opened", operator="last_days", value=1) == set()
    assert people(field="sent", operator="never") == set()


def test_a_campaign_to_a_segment_by_rest(
    organization: Organization, sender: Sender, segment: Segment, owner_api: Any, outsider_api: Any
) -> None:
    make_person(organization, 1, "Bandung")
    staff = ContactList.objects.create(organization=organization, name="Staff")
    given = {"name": "Sale", "template": "Hi", "segment": segment.pk, "excluded_lists": [staff.pk]}
    answer = owner_api.post("/api/campaigns", given, format="json")
    assert (answer.status_code, answer.json()["segment"]) == (202, segment.pk)
    assert list(Campaign.objects.get().excluded_lists.all()) == [staff]
    refused = owner_api.post("/api/campaigns", {**given, "excluded_segments": [0]}, format="json")
    assert refused.json() == {"excluded_segments": ["There is no segment 0."]}
    theirs = outsider_api.post("/api/campaigns", given, format="json")
    assert "segment" in theirs.json()
