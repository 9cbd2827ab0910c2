"""Nobody sees anything of an organization that is not theirs, at any address that there is or will be.

The sweep walks the URL patterns themselves, so a new address is covered the moment it exists. What it needs to
know is how to make the object behind a new part of an address (`MAKE`) and which addresses belong to no
organization (`OF_NO_ORGANIZATION`); where it does not know, it fails and says what to add. Live topics are swept
in `tests/messaging/test_sockets.py`.
"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import time
from itertools import count
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from PIL import Image
from rest_framework.test import APIClient

from accounts import services
from accounts.models import Organization
from broadcasts import reminders
from broadcasts import services as broadcasts
from broadcasts.models import Broadcast, BroadcastList, Reminder
from campaigns.models import Campaign, Rehearsal
from contacts import merges
from contacts.models import (
    AttributeDefinition,
    BlocklistEntry,
    Consent,
    Contact,
    ContactList,
    ContactMerge,
    Erasure,
    ListImport,
    OtherNumber,
    Segment,
)
from messaging import library, templates
from messaging.models import BatchStatus, Group, LibraryFile, TemplateVersion
from session_service import leases
from tests.factories import make_batch, make_sender

_numbers = count(1)
SECRET = "Rahasia Nusantara"  # in the name of everything that is made; outsiders must never read it

# The object that a part of an address such as <int:sender_id> stands for.
MAKE: dict[str, Callable[[Organization], Model]] = {
    "membership_id": lambda organization: organization.memberships.get(),
    "key_id": lambda organization: services.create_api_key(organization=organization, name=SECRET)[0],
    "sender_id": lambda organization: make_sender(organization, name=SECRET),
    "message_id": lambda organization: make_batch(
        organization, [make_sender(organization)], 1, text=SECRET
    ).messages.get(),
    "campaign_id": lambda organization: make_campaign(organization),
    "contact_id": lambda organization: Contact.objects.create(
        organization=organization, phone_number="+628120000001", name=SECRET
    ),
    "merge_id": lambda organization: make_merge(organization),
    "other_number_id": lambda organization: make_other_number(organization),
    "list_id": lambda organization: ContactList.objects.create(organization=organization, name=SECRET),
    "segment_id": lambda organization: Segment.objects.create(
        organization=organization, name=SECRET, filter={"field": "name", "operator": "is", "value": SECRET}
    ),
    "definition_id": lambda organization: AttributeDefinition.objects.create(
        organization=organization, key="secret", label=SECRET
    ),
    "key": lambda organization: AttributeDefinition.objects.create(
        organization=organization, key="other", label=SECRET
    ),
    "kind": lambda organization: AttributeDefinition(kind="text"),
    "import_id": lambda organization: ListImport.objects.create(
        organization=organization, file_name=f"{SECRET}.xlsx", status=ListImport.Status.READY, for_contacts=True
    ),
    "worker_id": lambda organization: leases.register(name="host:1", capacity=1),
    "template_id": lambda organization: templates.create_template(
        organization=organization, name=SECRET, text=SECRET, folder=SECRET
    ),
    "number": lambda organization: TemplateVersion(number=1),
    "group_id": lambda organization: make_group(organization),
    "phone_number": lambda organization: make_number(organization),
    "broadcast_list_id": lambda organization: make_broadcast_list(organization),
    "batch_id": lambda organization: make_broadcast(organization).batch,
    "reminder_id": lambda organization: make_reminder(organization),
    "file_id": lambda organization: make_library_file(organization),
    "erasure_id": lambda organization: Erasure.objects.create(organization=organization, asked_by=SECRET),
}

# Addresses that belong to nobody in particular, or only to whoever is signed in.
OF_NO_ORGANIZATION = {
    "start",
    "accounts:login",
    "accounts:logout",
    "accounts:password_reset",
    "accounts:password_reset_done",
    "accounts:password_reset_confirm",
    "accounts:password_reset_complete",
    "accounts:profile",
    "accounts:change_password",
    "api-schema",
    "api-docs",
    "link",  # whoever got it in a message follows it
    "health",
    "metrics",
    "admin",
}

# Addresses of workers, which serve every organization. Who may do what there is tested with them.
OF_THE_INSTALLATION = {
    "api:workers",
    "api:drain-worker",
    "api:undrain-worker",
    "sending:drain_worker",
    "sending:undrain_worker",
}

# Addresses with an object behind them that is not there for its owner either, in the state that `MAKE` leaves it in.
EMPTY_FOR_ITS_OWNER = {
    "api:sender-qr": "a connected sender shows no code",
}


def make_broadcast_list(organization: Organization) -> BroadcastList:
    return BroadcastList.objects.get(broadcasts=make_broadcast(organization))


def make_broadcast(organization: Organization) -> Broadcast:
    make_sender(organization)
    made = broadcasts.create_list(
        organization=organization, name=f"{SECRET} {next(_numbers)}", numbers=["+628120000009"]
    )
    return broadcasts.send_broadcast(broadcast_list=made, text=SECRET)


def make_reminder(organization: Organization) -> Reminder:
    return reminders.create_reminder(
        organization=organization, name=SECRET, phone_number="+628120000009", text=SECRET, repeat="daily", time=time(9)
    )


def make_library_file(organization: Organization) -> LibraryFile:
    picture = io.BytesIO()
    Image.new("RGB", (2, 2)).save(picture, "PNG")
    return library.add(organization=organization, file=picture, file_name=f"{SECRET}.png", name=SECRET)


def make_group(organization: Organization) -> Group:
    sender = make_sender(organization)
    return Group.objects.create(
        organization=organization, sender=sender, whatsapp_id=f"{sender.pk}@g.us", subject=SECRET
    )


def make_number(organization: Organization) -> BlocklistEntry:
    number = "+628120000002"
    Consent.objects.create(organization=organization, phone_number=number, is_given=True, source=SECRET)
    return BlocklistEntry.objects.create(organization=organization, phone_number=number, source=SECRET)


def make_campaign(organization: Organization) -> Campaign:
    batch = make_batch(organization, [make_sender(organization)], 3, status=BatchStatus.READY, text=SECRET)
    made = Campaign.objects.create(organization=organization, name=SECRET, batch=batch, frozen_at=batch.created_at)
    Rehearsal.objects.create(campaign=made, status=Rehearsal.Status.CANCELLED)
    return made


def make_merge(organization: Organization) -> ContactMerge:
    kept, other = (
        Contact.objects.create(organization=organization, phone_number=number, name=SECRET)
        for number in ("+628120000003", "+628120000004")
    )
    return merges.merge(organization=organization, kept=kept, other=other)


def make_other_number(organization: Organization) -> OtherNumber:
    contact = Contact.objects.create(organization=organization, phone_number="+628120000005", name=SECRET)
    return OtherNumber.objects.create(organization=organization, contact=contact, phone_number="+628120000006")


@dataclass(frozen=True)
class Address:
    """One URL pattern: its name, and the names of its variable parts."""

    name: str
    parts: tuple[str, ...]
    methods: tuple[str, ...]  # of API views; empty for pages, which say it themselves

    @property
    def is_api(self) -> bool:
        return self.name.startswith("api:")

    @property
    def objects(self) -> tuple[str, ...]:
        return tuple(part for part in self.parts if part != "organization")

    def at(self, slug: str, ids: dict[str, Any]) -> str:
        values = {part: slug if part == "organization" else ids[part] for part in self.parts}
        return reverse(self.name, kwargs=values)


def walk(patterns: list[Any], namespace: str = "", parts: tuple[str, ...] = ()) -> Iterator[Address]:
    for pattern in patterns:
        here = parts + tuple(part for part in pattern.pattern.converters if part not in parts)
        if isinstance(pattern, URLResolver):
            if pattern.namespace == "admin":  # swept in tests/test_admin.py
                continue
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from walk(pattern.url_patterns, inner, here)
        elif isinstance(pattern, URLPattern):
            view = getattr(pattern.callback, "cls", None)
            actions = getattr(pattern.callback, "actions", None) or {}
            methods = [m for m in ("get", "post", "put", "patch", "delete") if m in actions or hasattr(view, m)]
            yield Address(f"{namespace}{pattern.name}", here, tuple(methods) if view else ())


ADDRESSES = list(walk(get_resolver().url_patterns))
SWEPT = [address for address in ADDRESSES if address.name not in OF_NO_ORGANIZATION]
PAGES = [address for address in SWEPT if not address.is_api]
API = [address for address in SWEPT if address.is_api]


def each(addresses: list[Address]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("address", addresses, ids=lambda address: address.name)


@pytest.fixture
def ids(address: Address, organization: Organization) -> dict[str, Any]:
    """What each variable part of the address is for an object of the organization: its id, or the field of that name."""
    made = {part: MAKE[part](organization) for part in address.objects}
    return {part: getattr(row, part, row.pk) for part, row in made.items()}


@each(SWEPT)
def test_the_sweep_knows_every_address(address: Address) -> None:
    assert not address.name.endswith("None"), f"An address with the parts {address.parts} has no name: give it one."
    unknown = [part for part in address.objects if part not in MAKE]
    assert not unknown, (
        f"{address.name} has the part {unknown[0]!r}, which nobody can make an object for. Add it to MAKE in "
        f"{__name__}, or, if the address belongs to no organization, its name to OF_NO_ORGANIZATION."
    )
    assert address.is_api or "organization" in address.parts, (
        f"{address.name} is a page outside /o/<organization>. If it shows nothing of an organization, add its name "
        f"to OF_NO_ORGANIZATION in {__name__}."
    )


def test_the_exceptions_exist() -> None:
    assert len(PAGES) > 10
    assert len(API) > 5
    names = {address.name for address in ADDRESSES}
    assert OF_NO_ORGANIZATION | OF_THE_INSTALLATION | set(EMPTY_FOR_ITS_OWNER) <= names
    assert set(MAKE) >= {part for address in SWEPT for part in address.objects}


# -- Pages --


@each(PAGES)
def test_a_page_is_there_for_its_owner_and_for_nobody_else(
    address: Address,
    ids: dict[str, Any],
    organization: Organization,
    other_organization: Organization,
    client: Client,
    outsider_client: Client,
    owner_client: Client,
) -> None:
    where = address.at(organization.slug, ids)
    for method in ("GET", "POST"):
        stranger, outsider = client.generic(method, where), outsider_client.generic(method, where)
        assert stranger.status_code == 302, f"{method}: {stranger.status_code}"
        assert stranger.headers["Location"].startswith("/accounts/login?next=")
        assert outsider.status_code == 404, f"{method}: {outsider.status_code}"
        assert SECRET not in outsider.text
    if address.objects and address.name not in OF_THE_INSTALLATION:
        _reaches_no_objects_of_others(address, ids, other_organization, outsider_client)
    # Else the sweep would prove nothing: everything is hidden at an address that leads nowhere.
    response = owner_client.get(where)
    if response.status_code == 405:
        response = owner_client.post(where)
    refused = {403} if address.name in OF_THE_INSTALLATION else set()  # where it serves several organizations
    assert response.status_code in {200, 302, 400, 409, 422} | refused, response.status_code


def _reaches_no_objects_of_others(
    address: Address, ids: dict[str, Any], other_organization: Organization, outsider_client: Client
) -> None:
    """At an address of the outsider's own organization, with ids of another one."""
    statuses = set()
    for method in ("GET", "POST"):
        response = outsider_client.generic(method, address.at(other_organization.slug, ids))
        statuses.add(response.status_code)
        assert SECRET not in response.text
    assert 404 in statuses <= {404, 405}


# -- API --


def ask(client: Any, method: str, where: str) -> Any:
    return client.generic(method.upper(), where, "{}", content_type="application/json")


@each(API)
def test_the_api_answers_its_own_and_nobody_else(
    address: Address,
    ids: dict[str, Any],
    organization: Organization,
    outsider_api: APIClient,
    outsider_client: Client,
    owner_api: APIClient,
) -> None:
    where = address.at("", ids)
    for method in address.methods:
        stranger = ask(APIClient(), method, where)
        assert stranger.status_code == 401, f"{method}: {stranger.status_code}"
        assert stranger.headers["WWW-Authenticate"].startswith("ApiKey")
        named = outsider_client.generic(method.upper(), where, headers={"X-Organization": organization.slug})
        assert named.status_code == 404, f"{method}: {named.status_code}"
    if not address.objects:
        return
    if address.name not in OF_THE_INSTALLATION:
        assert address.methods
        for client in (outsider_api, outsider_client):
            for method in address.methods:
                response = ask(client, method, where)
                assert response.status_code == 404, f"{method}: {response.status_code} {response.content[:300]!r}"
                assert SECRET not in response.text
    if address.name not in EMPTY_FOR_ITS_OWNER:
        for method in sorted(address.methods, key=lambda method: method == "delete"):
            response = ask(owner_api, method, where)
            assert response.status_code not in (401, 403, 404, 405), f"{method}: {response.status_code}"
            assert response.status_code < 500


@each([a for a in API if not a.objects and "get" in a.methods and a.name not in OF_THE_INSTALLATION])
def test_lists_of_the_api_hold_nothing_of_others(
    address: Address, organization: Organization, outsider_api: APIClient, owner_api: APIClient
) -> None:
    for make in MAKE.values():
        make(organization)
    where = address.at("", {})
    theirs, ours = outsider_api.get(where), owner_api.get(where)
    assert (theirs.status_code, ours.status_code) == (200, 200)
    if theirs.streaming:
        assert SECRET.encode() in b"".join(ours)
        assert SECRET.encode() not in b"".join(theirs)
        return
    assert SECRET not in theirs.text
    if "results" in ours.json():
        assert ours.json()["results"]
        assert theirs.json()["results"] == []
