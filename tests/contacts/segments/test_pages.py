"""The pages of segments, tags and attributes."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Organization
from contacts import attributes
from contacts.models import AttributeDefinition, Contact, Segment
from contacts.pages.segment_editor import Editor
from contacts.segments.fields import fields_of

IN_BANDUNG = {"field": "attribute.city", "operator": "is", "value": "Bandung"}


def at(name: str, organization: Organization, *ids: int) -> str:
    return reverse(f"contacts:{name}", args=[organization.slug, *ids])


def form(*rows: tuple[str, str, str], **more: Any) -> dict[str, Any]:
    """What the builder sends with one group of these conditions."""
    sent: dict[str, Any] = {"mode": "all", "mode-0": "all", **more}
    for index, (field, operator, value) in enumerate(rows):
        name = f"0-{index}"
        sent |= {f"field-{name}": field, f"operator-{name}": operator, f"value-{name}": value}
    return sent


@pytest.fixture(autouse=True)
def people(organization: Organization) -> list[Contact]:
    attributes.ensure(organization_id=organization.pk, labels={"city": "City", "amount": "Amount"})
    cities = ["Bandung", "bandung", "Jakarta"]
    return [
        Contact.objects.create(
            organization=organization, phone_number=f"+6281200000{index}", name=f"P{index}", attributes={"city": city}
        )
        for index, city in enumerate(cities)
    ]


def make_segment(organization: Organization, conditions: Any) -> Segment:
    return Segment.objects.create(organization=organization, name="Bandung people", filter=conditions)


def test_a_segment_is_built_saved_and_counted(owner_client: Client, organization: Organization) -> None:
    new = at("new_segment", organization)
    assert "Choose what to ask" in owner_client.get(new).text
    sent = form(("attribute.city", "is", "BANDUNG"), ("wrote", "never", ""), name="Bandung people")
    saved = owner_client.post(new, sent)
    segment = Segment.objects.get()
    assert saved.headers["Location"] == at("segment", organization, segment.pk)
    assert segment.filter == {
        "all": [
            {"field": "attribute.city", "operator": "is", "value": "BANDUNG"},
            {"field": "wrote", "operator": "never"},
        ]
    }
    page = owner_client.get(at("segment", organization, segment.pk)).text
    assert "City is BANDUNG and did not write at any time" in page
    found = owner_client.get(at("segment_found", organization, segment.pk)).text
    assert "<strong>2</strong> people" in found
    assert "+62812000000" in found
    assert "+62812000002" not in found
    segment.refresh_from_db()
    assert segment.people == 2
    assert "City is BANDUNG" in owner_client.get(at("segments", organization)).text


def test_complaints_stand_beside_their_condition(owner_client: Client, organization: Organization) -> None:
    attributes.want_kind(definition=AttributeDefinition.objects.get(key="amount"), kind="number")
    attributes.convert(definition_id=AttributeDefinition.objects.get(key="amount").pk)
    sent = form(("attribute.city", "is", "Bandung"), ("attribute.amount", "more", "much"), name="Rich")
    answer = owner_client.post(at("new_segment", organization), sent)
    assert answer.status_code == 422
    assert "Condition 2 (Amount): “much” is not a number" in answer.text
    assert 'value="much"' in answer.text, "what was written stays"
    nameless = owner_client.post(at("new_segment", organization), form(("name", "set", "")))
    assert "Give the segment a name." in nameless.text
    assert not Segment.objects.exists()


def test_the_figure_follows_the_builder(owner_client: Client, organization: Organization) -> None:
    preview = at("segment_preview", organization)
    assert "<strong>1</strong> person" in owner_client.post(preview, form(("attribute.city", "is", "jakarta"))).text
    unfinished = owner_client.post(preview, form(("attribute.city", "is", ""))).text
    assert "Condition 1 (City): fill in the value." in unfinished
    assert "Nobody fits" in owner_client.post(preview, form(("tags", "has", "vip, new"))).text


def test_rows_and_groups_come_and_go(owner_client: Client, organization: Organization) -> None:
    new = at("new_segment", organization)
    htmx = {"HX-Request": "true"}
    more = owner_client.post(new, form(("name", "is", "P1"), do="add-row:0"), headers=htmx).text
    assert 'name="field-0-1"' in more
    assert "<html" not in more
    grouped = owner_client.post(new, form(("name", "is", "P1"), do="add-group"), headers=htmx).text
    assert 'name="mode-1"' in grouped
    assert "at least one group" in grouped
    less = owner_client.post(new, form(("name", "is", "P1"), ("name", "is", "P2"), do="remove-row:0:0"), headers=htmx)
    assert 'value="P2"' in less.text
    assert 'value="P1"' not in less.text
    whole = owner_client.post(new, form(("name", "is", "P1"), do="add-row:0"))
    assert "<html" in whole.text, "without JavaScript it is a page"


@pytest.mark.parametrize(
    "conditions",
    [
        IN_BANDUNG,
        {"any": [IN_BANDUNG, {"field": "tags", "operator": "has", "value": ["new", "vip"]}]},
        {"any": [{"all": [IN_BANDUNG, {"field": "name", "operator": "set"}]}, {"any": [IN_BANDUNG]}]},
        {"all": [IN_BANDUNG, {"any": [IN_BANDUNG, IN_BANDUNG]}]},
    ],
)
def test_the_builder_shows_what_it_saved(
    owner_client: Client, organization: Organization, conditions: dict[str, Any]
) -> None:
    editor = Editor.of_filter(conditions)
    assert editor is not None
    again = Editor.of_filter(editor.filter(fields_of(organization)))
    assert again is not None
    assert again.groups == editor.groups
    segment = make_segment(organization, conditions)
    assert 'value="Bandung"' in owner_client.get(at("edit_segment", organization, segment.pk)).text


def test_what_is_deeper_than_the_builder_is_only_shown(owner_client: Client, organization: Organization) -> None:
    segment = make_segment(organization, {"not": IN_BANDUNG})
    answer = owner_client.get(at("edit_segment", organization, segment.pk), follow=True)
    assert "made by a program" in answer.text
    assert "not (City is Bandung)" in answer.text


def test_a_segment_that_lost_its_list_says_so(owner_client: Client, organization: Organization) -> None:
    segment = make_segment(organization, {"field": "list", "operator": "is_not", "value": 77})
    assert "no longer there" in owner_client.get(at("segment", organization, segment.pk)).text
    assert "no longer there" in owner_client.get(at("segment_found", organization, segment.pk)).text


def test_deleting_keeps_the_people(owner_client: Client, organization: Organization) -> None:
    segment = make_segment(organization, IN_BANDUNG)
    owner_client.post(at("delete_segment", organization, segment.pk))
    assert not Segment.objects.exists()
    assert Contact.objects.count() == 3


def test_viewers_see_and_change_nothing(teammate_client: Client, organization: Organization) -> None:
    segment = make_segment(organization, IN_BANDUNG)
    assert "<strong>2</strong>" in teammate_client.get(at("segment_found", organization, segment.pk)).text
    for name, ids in (("new_segment", []), ("edit_segment", [segment.pk]), ("delete_segment", [segment.pk])):
        assert teammate_client.post(at(name, organization, *ids), form(("name", "set", ""))).status_code == 403


def test_attributes_get_types_after_a_look_at_their_values(owner_client: Client, organization: Organization) -> None:
    Contact.objects.filter(name="P0").update(attributes={"amount": "Rp 5.000"})
    Contact.objects.filter(name="P1").update(attributes={"amount": "much"})
    definition = AttributeDefinition.objects.get(key="amount")
    page = owner_client.get(at("change_kind", organization, definition.pk), {"kind": "number"}).text
    assert "much" in page
    assert "Rp 5.000" not in page
    owner_client.post(at("change_kind", organization, definition.pk), {"kind": "number"})
    definition.refresh_from_db()
    assert definition.wanted_kind == "number"
    assert "becoming" in owner_client.get(at("fields", organization)).text
    owner_client.post(at("add_attribute", organization), {"label": "Next visit", "kind": "date"})
    assert AttributeDefinition.objects.get(key="next_visit").kind == "date"
    assert owner_client.post(at("add_attribute", organization), {"label": "Next visit"}).status_code == 422


def test_tags_are_renamed_and_taken_off(owner_client: Client, organization: Organization) -> None:
    Contact.objects.update(tags=["vip"])
    owner_client.post(at("change_tag", organization), {"tag": "vip", "to": "Gold"})
    assert "gold" in owner_client.get(at("fields", organization)).text
    owner_client.post(at("change_tag", organization), {"tag": "gold", "to": "", "do": "delete"})
    assert not Contact.objects.exclude(tags=[]).exists()
