"""What people type finds whom they mean, by an index."""

import pytest
from django.db import connection

from contacts import queries, search
from contacts.models import Contact, OtherNumber

PEOPLE = {
    "+6281200000001": "Ayu Wijaya",
    "+6281200004042": "Budi Santoso-Putra",
    "+6285711112222": "José d'Ávila",
    "+447400194042": "Zoë 99",
    "+12125550199": "สมชาย ใจดี",
    "": "Only a LID",
}


@pytest.fixture(autouse=True)
def people(organization, other_organization) -> None:
    for place, (number, name) in enumerate(PEOPLE.items()):
        for each in (organization, other_organization):
            Contact.objects.create(organization=each, phone_number=number, lid=str(place + 1), name=name)
    ayu = Contact.objects.get(organization=organization, name="Ayu Wijaya")
    OtherNumber.objects.create(organization=organization, contact=ayu, phone_number="+6281299999999")


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("  ", list(PEOPLE.values())),
        ("wija", ["Ayu Wijaya"]),
        ("WIJA ay", ["Ayu Wijaya"]),
        ("putra", ["Budi Santoso-Putra"]),
        ("santoso-pu", ["Budi Santoso-Putra"]),
        ("ijay", ["Ayu Wijaya"]),  # only when no word begins so
        ("d'áv", ["José d'Ávila"]),
        ("สม", ["สมชาย ใจดี"]),
        ("0812-0000-0001", ["Ayu Wijaya"]),
        ("+62 812 9999 9999", ["Ayu Wijaya"]),  # another number of hers
        ("999999", ["Ayu Wijaya"]),  # a part of it
        ("08120000", ["Ayu Wijaya", "Budi Santoso-Putra"]),
        ("62812", ["Ayu Wijaya", "Budi Santoso-Putra"]),
        ("812 0000", ["Ayu Wijaya", "Budi Santoso-Putra"]),
        ("+1 212", ["สมชาย ใจดี"]),
        ("0044 74", ["Zoë 99"]),
        ("4042", ["Budi Santoso-Putra", "Zoë 99"]),
        ("0199", ["สมชาย ใจดี"]),
        ("1111222", ["José d'Ávila"]),
        ("4001940", ["Zoë 99"]),  # in the middle of a number
        ("99", ["สมชาย ใจดี"]),
        ("nobody", []),
        ("!?", []),
        ("%", []),
        ("'); drop", []),
        ("\x00", list(PEOPLE.values())),
    ],
)
def test_what_is_found(organization, typed, found):
    assert sorted(c.name for c in queries.contacts(organization, search=typed)) == sorted(found)


@pytest.mark.parametrize(("digits", "after"), [("+6281", "+6282"), ("+6289", "+629"), ("999", ""), ("+99", "")])
def test_the_end_of_a_range(digits, after):
    assert search._next(digits) == after


def test_tags(organization):
    Contact.objects.filter(name="Zoë 99").update(tags=["vip"])
    assert [c.name for c in queries.contacts(organization, tag=" VIP ")] == ["Zoë 99"]


@pytest.mark.parametrize(
    ("typed", "index"),
    [("wija", "contacts_by_word"), ("+628571", "one_contact_a_number"), ("4042", "contacts_by_ending")],
)
def test_an_index_serves_it(organization, typed, index):
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
        cursor.execute(
            "INSERT INTO contacts_contact (organization_id, phone_number, name, attributes, created_at, updated_at)"
            " SELECT %s, '+6289' || lpad((n * 7919 %% 1000000)::text, 8, '5'), 'Name ' || n, '{}', now(), now()"
            " FROM generate_series(1, 20000) AS n",
            [organization.pk],
        )
        cursor.execute("ANALYZE contacts_contact")
    assert index in queries.contacts(organization, search=typed).explain()
