"""Segments and attributes by REST."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rest_framework.test import APIClient

from accounts.models import Organization
from contacts import attributes
from contacts.models import Contact, Segment
from contacts.segments import compiled, services, trees
from tests.fixtures_people import api_client

IN_BANDUNG = {"field": "attribute.city", "operator": "is", "value": "Bandung"}


@pytest.fixture
def bandung(organization: Organization) -> Contact:
    attributes.ensure(organization_id=organization.pk, labels={"city": "City"})
    return Contact.objects.create(
        organization=organization, phone_number="+628120000001", attributes={"city": "bandung"}
    )


def test_a_segment_from_beginning_to_end(owner_api: APIClient, bandung: Contact) -> None:
    made = owner_api.post("/api/segments", {"name": "Bandung", "filter": IN_BANDUNG}, format="json")
    assert made.status_code == 201, made.json()
    assert made.json()["summary"] == "City is Bandung"
    assert made.json()["people"] is None
    address = f"/api/segments/{made.json()['id']}"
    counted = owner_api.post(f"{address}/count").json()
    assert (counted["people"], counted["sample"][0]["phone_number"]) == (1, bandung.phone_number)
    assert owner_api.get(address).json()["people"] == 1
    changed = owner_api.patch(address, {"filter": {"not": IN_BANDUNG}}, format="json")
    assert (changed.json()["summary"], changed.json()["people"]) == ("not (City is Bandung)", None)
    assert owner_api.get("/api/segments").json()["results"][0]["name"] == "Bandung"
    again = owner_api.post("/api/segments", {"name": " Bandung ", "filter": IN_BANDUNG}, format="json")
    assert again.json() == {"name": ["There is a segment with this name already."]}
    assert owner_api.delete(address).status_code == 204
    assert not Segment.objects.exists()


def test_a_filter_is_counted_without_saving_it(owner_api: APIClient, bandung: Contact) -> None:
    answer = owner_api.post("/api/segments/count", {"filter": IN_BANDUNG}, format="json")
    assert answer.json()["people"] == 1
    assert not Segment.objects.exists()


def test_errors_name_the_condition(owner_api: APIClient, bandung: Contact) -> None:
    wrong = {
        "any": [
            IN_BANDUNG,
            {"field": "wrote", "operator": "last_days", "value": 0},
            {"all": [{"field": "nothing", "operator": "is"}, {"field": "name", "operator": "flies"}]},
            {"field": "list", "operator": "is", "value": 7},
        ]
    }
    answer = owner_api.post("/api/segments", {"name": "Wrong", "filter": wrong}, format="json")
    assert answer.status_code == 400
    assert answer.json()["filter"] == [
        "Condition 2 (wrote): write a number of days from 1 to 3650.",
        "Condition 3: there is no field “nothing”.",
        "Condition 4 (name): “flies” cannot be asked of it.",
        "Condition 5 (is on the list): “7” is no longer there.",
    ]


@pytest.mark.parametrize(
    "written",
    [
        None,
        [],
        "all",
        {},
        {"all": []},
        {"all": [IN_BANDUNG], "any": [IN_BANDUNG]},
        {"all": "x"},
        {"not": None},
        {"all": [IN_BANDUNG] * 51},
        {"any": [{"all": [IN_BANDUNG] * 30}, {"all": [IN_BANDUNG] * 30}]},
        {"not": {"not": {"not": {"not": {"not": {"not": {"not": IN_BANDUNG}}}}}}},
        {**IN_BANDUNG, "value": "a\x00b"},
        {**IN_BANDUNG, "value": {"$ne": 1}},
        {**IN_BANDUNG, "value": "x" * 501},
        {**IN_BANDUNG, "extra": 1},
        {"field": ["name"], "operator": {}},
        {"field": "name", "operator": "set", "value": "x"},
        {"field": "tags", "operator": "has", "value": [" "]},
        {"field": "created", "operator": "before", "value": "yesterday"},
        {"field": "country", "operator": "is", "value": True},
    ],
)
def test_what_makes_no_sense_is_refused(owner_api: APIClient, bandung: Contact, written: Any) -> None:
    answer = owner_api.post("/api/segments/count", {"filter": written}, format="json")
    assert answer.status_code == 400, answer.json()


@pytest.mark.parametrize("key", ["field", "operator", "value"])
def test_half_a_sign_is_refused_and_can_be_sent_back(owner_api: APIClient, bandung: Contact, key: str) -> None:
    for leaf in (
        IN_BANDUNG,
        {"field": "created", "operator": "before", "value": ""},
        {"field": "list", "operator": "is"},
    ):
        body = json.dumps({"filter": {**leaf, key: "\ud800"}})
        answer = owner_api.post("/api/segments/count", body, content_type="application/json")
        assert answer.status_code == 400


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["all", "any", "not", "field", "operator", "value"]) | st.text(), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=json_values, name=st.sampled_from(["name", "attribute.city", "tags", "created", "list", "wrote"]))
def test_any_json_is_read_or_refused(organization_once: Organization, written: Any, name: str) -> None:
    for tree in (written, {"field": name, "operator": "is", "value": written}):
        with contextlib.suppress(trees.InvalidFilter):
            assert services.find(organization_once, tree).people in (0, 1)


@pytest.fixture
def organization_once(organization: Organization, bandung: Contact) -> Organization:
    return organization


def test_fields_say_what_can_be_asked(owner_api: APIClient, bandung: Contact) -> None:
    fields = {field["key"]: field for field in owner_api.get("/api/segments/fields").json()}
    assert {"attribute.city", "tags", "list", "wrote", "opened", "campaign_opened"} <= set(fields)
    assert {"name": "is", "takes": "text"} in fields["attribute.city"]["operators"]


def test_counting_that_takes_too_long_is_given_up(
    organization: Organization, bandung: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "SECONDS_TO_COUNT", 0.001)
    monkeypatch.setattr(compiled, "query", lambda *_args, **_kwargs: compiled.Query("SELECT pg_sleep(5)", {}))
    with pytest.raises(services.TooSlow, match="given up"):
        services.find(organization, IN_BANDUNG)
    assert Contact.objects.count() == 1, "the transaction around it goes on"


def test_attributes_by_rest(owner_api: APIClient, bandung: Contact) -> None:
    made = owner_api.post("/api/contacts/attributes", {"label": "Next Visit", "kind": "date"}, format="json")
    assert (made.status_code, made.json()["key"]) == (201, "next_visit")
    check = owner_api.get("/api/contacts/attributes/city/check/number").json()
    assert check == {"people": 1, "misfits": 1, "examples": [["bandung", 1]]}
    changed = owner_api.patch("/api/contacts/attributes/city", {"kind": "number", "label": "Town"}, format="json")
    assert (changed.json()["label"], changed.json()["wanted_kind"]) == ("Town", "number")
    assert [each["key"] for each in owner_api.get("/api/contacts/attributes").json()] == ["city", "next_visit"]


def test_viewing_keys_change_nothing(organization: Organization, bandung: Contact) -> None:
    viewer = api_client(organization, "contacts.view")
    assert viewer.post("/api/segments/count", {"filter": IN_BANDUNG}, format="json").status_code == 200
    assert viewer.post("/api/segments", {"name": "B", "filter": IN_BANDUNG}, format="json").status_code == 403
