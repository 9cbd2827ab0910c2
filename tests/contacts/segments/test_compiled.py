"""The SQL of a filter gives exactly the people whom a slow model in Python gives, over random trees and people."""

from datetime import UTC, datetime
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from accounts.models import Organization
from contacts.models import AttributeDefinition, Contact
from contacts.segments import compiled, trees
from contacts.segments.fields import OPERATORS, Kind, fields_of
from contacts.segments.sentences import sentence
from messaging.models import MessageStatus
from tests.contacts.segments.people import Person, Told, World, fits
from tests.factories import make_sender

AT = datetime(2026, 2, 28, 20, 30, tzinfo=UTC)  # the first of March in Jakarta
LEAP_EVE = datetime(2026, 2, 28, 3, 0, tzinfo=UTC)

cities = st.sampled_from(["Bandung", "bandung ", "BANDUNG", "Jakarta", "Ba%", "_", "", " ", "Übel", "o'b\\"])
amounts = st.sampled_from(["0", "5", "-5", "5.0", "4.99", "1e3", "5.", ".5", "--5", "9" * 80, "", "many", "5\n", "٣"])
borns = st.sampled_from(
    ["2026-02-28", "2026-03-01", "1990-03-01", "1992-02-29", "2026-99-99", "2026-W0-01", "1990-3-1", "", "today"]
)
days_ago = st.sampled_from([0, 1, 6, 7, 29, 30, 400])
tolds = st.builds(
    Told,
    status=st.sampled_from(
        [
            *(MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ, MessageStatus.RECEIVED),
            *(MessageStatus.PENDING, MessageStatus.FAILED),
        ]
    ),
    days_ago=days_ago,
    campaign=st.none() | st.integers(0, 1),
    is_from_other_number=st.booleans(),
)
people = st.builds(
    Person,
    name=cities,
    attributes=st.fixed_dictionaries(
        {}, optional={"city": cities, "amount": amounts, "born": borns, "member": st.sampled_from(["yes", "no", "?"])}
    ),
    tags=st.lists(st.sampled_from(["new", "vip", "shop"]), unique=True).map(lambda tags: tuple(sorted(tags))),
    lists=st.lists(st.integers(0, 1), unique=True).map(tuple),
    added_days_ago=days_ago,
    blocked=st.sampled_from(["", "", "blocked", "opted_out"]),
    country=st.sampled_from(["62", "55", "1"]),
    told=st.lists(tolds, max_size=3).map(tuple),
)


def leaves(world: World) -> st.SearchStrategy[dict[str, Any]]:
    known = fields_of(world.organization)
    days = st.integers(1, 31) | st.just(400)
    dates = st.sampled_from(["2026-02-28", "2026-03-01", "2026-02-22", "1990-03-01", "0001-01-01", "9999-12-31"])
    numbers = st.sampled_from(["5", "0", "-5", "4.99", "100000"])
    texts = st.sampled_from(["bandung", "BAN", "%", "_", "jakarta", "ü", "'", "\\"])
    choices = {
        "list": [str(each.pk) for each in world.lists],
        "country": ["62", "55", "1"],
        "campaign": [str(each.pk) for each in world.campaigns],
    }

    def leaf(key: str) -> st.SearchStrategy[dict[str, Any]]:
        tag_lists = st.lists(st.sampled_from(["vip", "shop", "none"]), min_size=1, max_size=2, unique=True)
        by_takes: dict[str, Any] = {
            "nothing": st.none(),
            "text": texts,
            "texts": tag_lists if key == "tags" else st.lists(texts, min_size=1, max_size=3, unique=True),
            "number": numbers,
            "numbers": st.lists(numbers, min_size=2, max_size=2),
            "date": dates,
            "dates": st.lists(dates, min_size=2, max_size=2),
            "days": days,
            "yes_no": st.sampled_from(["yes", "no"]),
            "choice": st.sampled_from(choices.get(key.split("_")[0], ["1"])),
        }
        return st.sampled_from(OPERATORS[known[key].kind]).flatmap(
            lambda operator: by_takes[operator.takes].map(
                lambda value: {"field": key, "operator": operator.name, **({} if value is None else {"value": value})}
            )
        )

    asked = [key for key in known if key != "phone_number"]
    return st.sampled_from(asked).flatmap(leaf)


def filters(world: World) -> st.SearchStrategy[dict[str, Any]]:
    return st.recursive(
        leaves(world),
        lambda inner: st.one_of(
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"all": parts}),
            st.lists(inner, min_size=1, max_size=3).map(lambda parts: {"any": parts}),
            inner.map(lambda part: {"not": part}),
        ),
        max_leaves=6,
    )


@pytest.fixture
def world(organization: Organization) -> World:
    kinds = {"city": "text", "amount": "number", "born": "date", "member": "yes_no"}
    for key, kind in kinds.items():
        AttributeDefinition.objects.create(organization=organization, key=key, kind=kind)
    return World.make(organization, make_sender(organization), AT)


def depth_of(written: dict[str, Any]) -> int:
    inner = [*written.get("all", []), *written.get("any", []), *([written["not"]] if "not" in written else [])]
    return 1 + max(map(depth_of, inner)) if inner else 0


def ids_of(world: World, written: dict[str, Any]) -> list[int]:
    made = compiled.query(trees.parse(written, world.organization), world.organization, at=world.at)
    with connection.cursor() as cursor:
        cursor.execute(made.sql, made.parameters)
        return [pk for (pk,) in cursor.fetchall()]


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data(), described=st.lists(people, min_size=1, max_size=6), is_leap_eve=st.booleans())
def test_sql_and_model_agree(world: World, data: st.DataObject, described: list[Person], is_leap_eve: bool) -> None:
    world.at = LEAP_EVE if is_leap_eve else AT
    written = data.draw(filters(world))
    assume(depth_of(written) <= trees.DEEPEST)
    assert sentence(trees.parse(written, world.organization))
    with transaction.atomic():
        ids = world.store(described)
        found = ids_of(world, written)
        transaction.set_rollback(True)
    assert len(found) == len(set(found)), "somebody is there twice"
    expected = [
        pk
        for index, (pk, person) in enumerate(zip(ids, described, strict=True))
        if fits(written, person, index, world)
    ]
    assert sorted(found) == sorted(expected)


def test_the_model_and_the_builder_know_every_field(world: World) -> None:
    asked = {field.kind for field in fields_of(world.organization).values()}
    assert asked == set(Kind)


def test_nobody_of_another_organization_and_nobody_without_a_number(
    world: World, other_organization: Organization
) -> None:
    Contact.objects.create(organization=other_organization, phone_number="+628111111111")
    Contact.objects.create(organization=world.organization, lid="55")
    own = Contact.objects.create(organization=world.organization, phone_number="+628111111111")
    everybody = {"any": [{"field": "name", "operator": "set"}, {"field": "name", "operator": "not_set"}]}
    assert ids_of(world, everybody) == [own.pk]
