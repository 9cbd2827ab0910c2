"""Lists of the API, page after page."""

from typing import Any

import pytest
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from accounts.models import Organization, User
from accounts.pagination import ApiPagination


@pytest.fixture
def people(db: None) -> list[int]:
    User.objects.bulk_create(User(email=f"person{number}@example.com") for number in range(250))
    return list(User.objects.order_by("-id").values_list("pk", flat=True))


def page(address: str) -> dict[str, Any]:
    request = Request(APIRequestFactory().get(address))
    pagination = ApiPagination()
    rows = pagination.paginate_queryset(User.objects.all(), request)
    assert rows is not None
    return pagination.get_paginated_response([user.pk for user in rows]).data


def test_every_row_comes_once_also_while_rows_are_added(people: list[int]) -> None:
    seen: list[int] = []
    address = "/api/people?limit=60"
    while address:
        answer = page(address)
        seen += answer["results"]
        address = answer["next"]
        User.objects.create_user(email=f"newcomer{len(seen)}@example.com")
    assert seen == people


def test_a_page_is_neither_huge_nor_empty(people: list[int]) -> None:
    assert len(page("/api/people")["results"]) == 50
    assert len(page("/api/people?limit=5000")["results"]) == 200
    assert len(page("/api/people?limit=0")["results"]) == 50
    assert len(page("/api/people?limit=x")["results"]) == 50


def test_rows_are_counted_on_demand(people: list[int], django_assert_num_queries) -> None:
    with django_assert_num_queries(1):
        assert "count" not in page("/api/people")
    assert page("/api/people?count=true")["count"] == 250


def test_views_choose_their_order(people: list[int], organization: Organization) -> None:
    class View:
        ordering = "id"

    request = Request(APIRequestFactory().get("/api/people?limit=1"))
    rows = ApiPagination().paginate_queryset(User.objects.all(), request, View())
    assert rows is not None
    assert [row.pk for row in rows] == [people[-1]]
