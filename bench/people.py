"""A million contacts: how long it takes to find some, to count lists, and to export all of them.

Finding is what the page of people does: the query of the search, then its first page of 50, newest first.
"""

import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Any

from django.db import connection

from accounts.models import Organization
from accounts.services import create_organization
from bench.results import emit
from contacts import exports, lists, queries
from contacts.models import Contact, ContactList
from contacts.pages.paging import A_PAGE, CappedPaginator

PEOPLE = 1_000_000
ROUNDS = 5
EXPORTED = 50_000
FIRST = [
    "Budi",
    "Ayu",
    "Siti",
    "Dewi",
    "Agus",
    "Rina",
    "Joko",
    "Putri",
    "Andi",
    "Sri",
    "Maria",
    "Wahyu",
    "Nur",
    "Tri",
    "Eko",
    "Rudi",
    "Yanti",
    "Hendra",
    "Lina",
    "Citra",
]
SYLLABLES = [
    "wi",
    "ja",
    "ya",
    "su",
    "han",
    "do",
    "pra",
    "to",
    "no",
    "ku",
    "san",
    "ti",
    "ra",
    "ma",
    "da",
    "ni",
    "ha",
    "la",
    "sa",
    "pu",
]
# The name of each search, and what is typed.
SEARCHES = {
    "a first name": "budi",
    "part of a last name": "wijas",
    "two words": "budi wija",
    "a whole number": "0812 0031 4159",
    "the beginning of a number": "0812 0031",
    "the end of a number": "4159",
    "nobody's number": "0813 9999",
    "inside a word (no index)": "ijasut",
}

_FILL_SQL = """
INSERT INTO contacts_contact (organization_id, phone_number, name, attributes, created_at, updated_at)
SELECT %(organization)s, '+62812' || lpad((n * 7919 %% 100000000)::text, 8, '0'),
    (%(first)s::text[])[1 + n %% 20] || ' ' || initcap((%(syllables)s::text[])[1 + (n * 7) %% 20]
        || (%(syllables)s::text[])[1 + (n * 13 / 20) %% 20] || (%(syllables)s::text[])[1 + (n * 17 / 400) %% 20]),
    jsonb_build_object('city', (%(first)s::text[])[1 + n %% 7], 'bill', n::text), now(), now()
FROM generate_series(1::bigint, %(people)s) AS n
"""


def run(*, quick: bool = False) -> None:
    people = 20_000 if quick else PEOPLE
    organization = create_organization(name=f"Bench of people {time.time_ns()}")
    try:
        everybody = _fill(organization, people)
        for name, typed in SEARCHES.items():
            _measure(f"search: {name}", partial(_first_page, organization, typed))
        _measure("first page of everybody", partial(_first_page, organization, ""))
        _measure("sizes of lists", lambda: list(queries.lists_with_sizes(organization)))
        _export(organization, people)
        began = time.perf_counter()
        lists.remove(contact_list=everybody, contacts=Contact.objects.all())
        emit("people", "taken off a list", people / (time.perf_counter() - began), "people/s")
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE contacts_contact, contacts_contactlist CASCADE")
        organization.delete()


def _fill(organization: Organization, people: int) -> ContactList:
    with connection.cursor() as cursor:
        values: dict[str, Any] = {
            "organization": organization.pk,
            "people": people,
            "first": FIRST,
            "syllables": SYLLABLES,
        }
        cursor.execute(_FILL_SQL, values)
    everybody = lists.create(organization=organization, name="Everybody")
    began = time.perf_counter()
    lists.add(contact_list=everybody, contacts=Contact.objects.for_organization(organization))
    emit("people", "put on a list", people / (time.perf_counter() - began), "people/s")
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE contacts_contact")
        cursor.execute("VACUUM ANALYZE contacts_contactlistmember")
    return everybody


def _first_page(organization: Organization, typed: str) -> None:
    page = CappedPaginator(queries.contacts(organization, search=typed).order_by("-id"), A_PAGE).get_page(1)
    list(page)


def _measure(subject: str, do: Callable[[], object]) -> None:
    times = []
    for _round in range(ROUNDS):
        began = time.perf_counter()
        do()
        times.append(time.perf_counter() - began)
    emit("people", subject, median(times) * 1000, "ms")


def _export(organization: Organization, people: int) -> None:
    everybody = Contact.objects.for_organization(organization)
    some = everybody.filter(pk__gt=everybody.order_by("-pk")[min(people, EXPORTED) - 1].pk - 1)
    for name, pieces in (("csv", exports.csv_pieces), ("xlsx", exports.workbook_pieces)):
        began = time.perf_counter()
        for _piece in pieces(organization, some):
            pass
        rate = min(people, EXPORTED) / (time.perf_counter() - began)
        emit("people", f"export as {name}", rate, "people/s")
    tracemalloc.start()
    for place, _piece in enumerate(exports.csv_pieces(organization, everybody)):
        if place == 20:
            break
    emit("people", "memory of an export", tracemalloc.get_traced_memory()[1] / 2**20, "MiB")
    tracemalloc.stop()
