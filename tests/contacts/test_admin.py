"""Contacts, lists, the blocklist and imports in the admin."""

from typing import Any

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.messages import get_messages
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Organization, User
from contacts.admin import AttributesField
from contacts.admin_phone import begins_with, phone_condition
from contacts.models import BlocklistEntry, Contact, ContactList, ListImport


@pytest.fixture
def staff(owner_client: Client, owner: User) -> Client:
    User.objects.filter(pk=owner.pk).update(is_staff=True)
    return owner_client


@pytest.fixture
def budi(organization: Organization) -> Contact:
    return Contact.objects.create(
        organization=organization, phone_number="+6281234567890", name="Budi", attributes={"city": "Solo"}
    )


def said(response: Any) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def errors(response: Any) -> str:
    assert response.status_code == 200, "the form was accepted"
    return str(response.context["adminform"].form.errors)


def found(client: Client, model: str, query: str) -> list[str]:
    response = client.get(reverse(f"admin:contacts_{model}_changelist"), {"q": query})
    return [str(row) for row in response.context["cl"].result_list]


# -- Contacts --


def new_contact(organization: Organization, **values: Any) -> dict[str, Any]:
    return {"organization": organization.pk, "phone_number": "0812-3456-7890", "name": "Budi", **values}


def test_a_number_is_written_as_in_the_organizations_country(staff: Client, organization: Organization) -> None:
    values = new_contact(organization, attributes="City: Solo\nJumlah Tagihan: Rp 5: lunas")
    staff.post(reverse("admin:contacts_contact_add"), values)
    contact = Contact.objects.get()
    assert contact.phone_number == "+6281234567890"
    assert contact.attributes == {"city": "Solo", "jumlah_tagihan": "Rp 5: lunas"}


def test_a_number_that_is_none_is_an_error_at_its_field(staff: Client, organization: Organization) -> None:
    values = new_contact(organization, phone_number="12")
    response = staff.post(reverse("admin:contacts_contact_add"), values)
    assert "not a possible mobile number" in errors(response)
    assert list(response.context["adminform"].form.errors) == ["phone_number"]


def test_a_second_contact_with_a_number_is_refused_and_the_first_unchanged(
    staff: Client, organization: Organization, budi: Contact
) -> None:
    values = new_contact(organization, name="Impostor")
    assert "with this number already" in errors(staff.post(reverse("admin:contacts_contact_add"), values))
    budi.refresh_from_db()
    assert budi.name == "Budi"


def test_only_what_was_changed_changes(staff: Client, budi: Contact) -> None:
    change = reverse("admin:contacts_contact_change", args=[budi.pk])
    form = staff.get(change).context["adminform"].form
    assert form["attributes"].value() == "city: Solo"
    staff.post(change, {"name": "Budi S.", "attributes": "city: Solo", "phone_number": "+628999"})
    budi.refresh_from_db()
    assert (budi.name, budi.phone_number, budi.attributes) == ("Budi S.", "+6281234567890", {"city": "Solo"})


@pytest.mark.parametrize(
    ("written", "complaint"),
    [("no colon", "not written as"), ("a: 1\nA: 2", "there twice"), (": x", "not written as")],
)
def test_attributes_say_what_is_wrong_with_a_line(written: str, complaint: str) -> None:
    with pytest.raises(ValidationError, match=complaint):
        AttributesField().to_python(written)


def test_a_line_break_in_an_attribute_survives() -> None:
    field, value = AttributesField(), {"address": "Jl. Merdeka 1\nSolo"}
    assert field.to_python(field.prepare_value(value)) == value
    assert not field.has_changed(value, field.prepare_value(value))


def test_blocking_contacts_from_the_list(staff: Client, owner: User, budi: Contact) -> None:
    ticked = {"action": "block_selected", ACTION_CHECKBOX_NAME: [budi.pk], "index": 0}
    staff.post(reverse("admin:contacts_contact_changelist"), ticked)
    assert not BlocklistEntry.objects.exists()  # it asks first
    response = staff.post(reverse("admin:contacts_contact_changelist"), {**ticked, "confirmed": ""})
    assert said(response) == ["1 number blocked."]
    entry = BlocklistEntry.objects.get()
    assert (entry.phone_number, entry.source) == (budi.phone_number, f"Admin: {owner}")
    assert AuditEntry.objects.get(action="contacts.blocked").user == owner


# -- Finding people --


@pytest.mark.parametrize("query", ["+6281234567890", "081234567890", "0812 3456-7890", "+62812345", "62812", "bud"])
def test_a_contact_is_found(staff: Client, budi: Contact, query: str) -> None:
    assert found(staff, "contact", query) == ["Budi"]


@pytest.mark.parametrize("query", ["+6281234567891", "+62813", "12345", "agus", "0"])
def test_others_are_not_found(staff: Client, budi: Contact, query: str) -> None:
    assert found(staff, "contact", query) == []


def test_beginnings_are_ranges_that_an_index_serves() -> None:
    assert begins_with("n", "+62812") == Q(n__gte="+62812") & Q(n__lt="+62813")
    assert begins_with("n", "+62899") == Q(n__gte="+62899") & Q(n__lt="+629")
    assert begins_with("n", "+99") == Q(n__gte="+99")


def test_words_are_no_numbers() -> None:
    assert phone_condition("budi 12", "n", {"ID"}) is None


# -- Lists --


def test_renaming_a_list_to_a_name_that_is_taken(staff: Client, organization: Organization) -> None:
    ContactList.objects.create(organization=organization, name="Loyal")
    other = ContactList.objects.create(organization=organization, name="New")
    change = reverse("admin:contacts_contactlist_change", args=[other.pk])
    assert "Another list has this name" in errors(staff.post(change, {"name": "Loyal"}))
    staff.post(change, {"name": "Newest"})
    other.refresh_from_db()
    assert other.name == "Newest"


# -- The blocklist --


def test_blocking_a_number_twice_is_said(staff: Client, organization: Organization) -> None:
    values = {"organization": organization.pk, "phone_number": "081234567890", "reason": "blocked", "source": "Phone"}
    staff.post(reverse("admin:contacts_blocklistentry_add"), values)
    assert BlocklistEntry.objects.get().phone_number == "+6281234567890"
    assert "already" in errors(staff.post(reverse("admin:contacts_blocklistentry_add"), values))


def test_taking_a_number_off(staff: Client, owner: User, organization: Organization) -> None:
    entry = BlocklistEntry.objects.create(organization=organization, phone_number="+6281234567890")
    response = staff.post(reverse("admin:contacts_blocklistentry_remove_one", args=[entry.pk]))
    assert response.headers["Location"] == reverse("admin:contacts_blocklistentry_changelist")
    assert not BlocklistEntry.objects.exists()
    assert AuditEntry.objects.get(action="contacts.unblocked").user == owner


# -- Imports --


@pytest.fixture
def sheet(organization: Organization) -> ListImport:
    return ListImport.objects.create(
        organization=organization, file_name="people.xlsx", status=ListImport.Status.READY, for_contacts=True
    )


def test_importing_a_read_sheet_asks_a_task(
    staff: Client, sheet: ListImport, redis_client: Any, django_capture_on_commit_callbacks: Any
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        staff.post(reverse("admin:contacts_listimport_commit_one", args=[sheet.pk]))
    sheet.refresh_from_db()
    assert sheet.status == ListImport.Status.IMPORTING
    assert redis_client.llen("imports") == 1


def test_an_import_that_ended_cannot_be_cancelled(staff: Client, sheet: ListImport) -> None:
    ListImport.objects.update(status=ListImport.Status.DONE)
    response = staff.post(reverse("admin:contacts_listimport_cancel_one", args=[sheet.pk]))
    assert said(response) == [
        "people.xlsx: This import has already ended.",
    ]


def test_the_sheet_of_a_campaign_is_the_campaigns_matter(staff: Client, sheet: ListImport) -> None:
    ListImport.objects.update(for_contacts=False)
    response = staff.post(reverse("admin:contacts_listimport_cancel_one", args=[sheet.pk]))
    assert said(response) == ["people.xlsx: This file belongs to a campaign. Cancel the campaign instead."]
    sheet.refresh_from_db()
    assert sheet.status == ListImport.Status.READY


def test_a_contact_that_staff_add_has_a_number(staff: Client, organization: Organization) -> None:
    response = staff.post(reverse("admin:contacts_contact_add"), new_contact(organization, phone_number=""))
    assert list(response.context["adminform"].form.errors) == ["phone_number"]
    assert not Contact.objects.exists()
