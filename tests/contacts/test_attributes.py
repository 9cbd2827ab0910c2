"""Definitions of attributes: made by themselves, checked and rewritten when their type changes."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Organization
from contacts import attributes, services
from contacts.models import AttributeDefinition, AttributeKind, Contact


def make_people(organization: Organization, key: str, *texts: Any) -> list[Contact]:
    start = Contact.objects.count()
    return [
        Contact.objects.create(
            organization=organization, phone_number=f"+62812000{start + index:04}", attributes={key: text}
        )
        for index, text in enumerate(texts)
    ]


def values_of(key: str) -> list[Any]:
    return [contact.attributes.get(key) for contact in Contact.objects.order_by("pk")]


def definition_of(organization: Organization, key: str) -> AttributeDefinition:
    attributes.ensure(organization_id=organization.pk, labels={key: ""})
    return AttributeDefinition.objects.get(organization=organization, key=key)


def test_new_keys_become_texts_once(organization: Organization) -> None:
    attributes.ensure(organization_id=organization.pk, labels={"city": "Kota", "plan": ""})
    attributes.ensure(organization_id=organization.pk, labels={"city": "Stadt", "x" * 201: "too long", "": "none"})
    found = AttributeDefinition.objects.values_list("key", "label", "kind")
    assert list(found) == [("city", "Kota", "text"), ("plan", "", "text")]


def test_saving_a_contact_brings_definitions_and_keeps_types(organization: Organization) -> None:
    services.save_contact(organization=organization, phone_number="0812000001", attributes={"age": "41"})
    AttributeDefinition.objects.filter(key="age").update(kind=AttributeKind.NUMBER)
    contact, _is_new = services.save_contact(
        organization=organization, phone_number="0812000001", attributes={"age": "1.000"}
    )
    assert contact.attributes == {"age": "1000"}
    with pytest.raises(ValidationError) as refused:
        services.save_contact(organization=organization, phone_number="0812000001", attributes={"age": "old"})
    assert refused.value.message_dict["attributes"][0].startswith("age: “old”")


def test_a_check_counts_people_and_shows_what_does_not_fit(
    organization: Organization, other_organization: Organization
) -> None:
    make_people(organization, "age", "41", "41", "old", "old", "young", " ")
    make_people(other_organization, "age", "ancient")
    check = attributes.check_kind(definition_of(organization, "age"), AttributeKind.NUMBER)
    assert check == attributes.Check(people=5, misfits=3, examples=[("old", 2), ("young", 1)])
    assert values_of("age")[0] == "41"


def test_another_type_rewrites_what_fits_and_keeps_what_does_not(
    organization: Organization, other_organization: Organization
) -> None:
    make_people(organization, "spent", "1.500", "12,5", "Rp 3.000.000", "much", "7")
    make_people(other_organization, "spent", "1.500")
    definition = definition_of(organization, "spent")
    attributes.want_kind(definition=definition, kind=AttributeKind.NUMBER)
    assert attributes.kinds_of(organization.pk) == {"spent": "text"}, "nothing changes before the values have"
    assert attributes.unconverted() == [definition.pk]
    attributes.convert(definition_id=definition.pk)
    attributes.convert(definition_id=definition.pk)
    assert values_of("spent") == ["1500", "12.5", "3000000", "much", "7", "1.500"]
    assert attributes.kinds_of(organization.pk) == {"spent": "number"}
    assert attributes.unconverted() == []


def test_an_unknown_type_is_refused(organization: Organization) -> None:
    with pytest.raises(ValidationError):
        attributes.want_kind(definition=definition_of(organization, "age"), kind="colour")


def test_a_definition_by_hand(organization: Organization) -> None:
    made = attributes.create_definition(organization=organization, key="birthday", label="Birthday", kind="date")
    assert str(made) == "Birthday"
    with pytest.raises(ValidationError, match="already"):
        attributes.create_definition(organization=organization, key="birthday")
    with pytest.raises(ValidationError):
        attributes.create_definition(organization=organization, key="")
    attributes.rename_label(definition=made, label="Born")
    assert str(AttributeDefinition.objects.get(pk=made.pk)) == "Born"
