"""What people and programs get when something is not there, not allowed, or broken."""

from typing import Any

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.urls import include, path

from accounts.pages import server_error
from whatsapp_automation.urls import handler400, handler403, handler404, handler500
from whatsapp_automation.urls import urlpatterns as real_urlpatterns


def forbidden(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied


def odd(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("broken on purpose")


trouble = [path("forbidden", forbidden), path("odd", odd), path("broken", broken)]
urlpatterns = [path("trouble/", include(trouble)), path("api/trouble/", include(trouble)), *real_urlpatterns]
# Django looks for the handlers beside the URL patterns: here they are the product's own.
__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
pytestmark = pytest.mark.urls(__name__)

CASES = [
    ("trouble/odd", 400, "We did not understand that request"),
    ("trouble/forbidden", 403, "Your role does not allow this"),
    ("trouble/nowhere", 404, "There is nothing here"),
    ("trouble/broken", 500, "Something went wrong on our side"),
]


@pytest.fixture
def client() -> Client:
    return Client(raise_request_exception=False)


@pytest.mark.parametrize(("where", "status", "words"), CASES)
def test_people_get_a_page(db: None, client: Client, where: str, status: int, words: str) -> None:
    response = client.get(f"/{where}")
    assert response.status_code == status
    assert words in response.text
    assert "Go to the start" in response.text


@pytest.mark.parametrize(("where", "status", "words"), CASES)
def test_programs_get_json(db: None, client: Client, where: str, status: int, words: str) -> None:
    response = client.get(f"/api/{where}")
    assert response.status_code == status
    assert list(response.json()) == ["detail"]


def test_the_last_resort_needs_no_database() -> None:
    class Broken:
        def __getattr__(self, name: str) -> Any:
            raise RuntimeError("The database is away.")

        def __iter__(self) -> Any:
            raise RuntimeError("The database is away.")

    request = RequestFactory().get("/o/nusantara")
    request.session = Broken()  # type: ignore[assignment]
    request._messages = Broken()  # type: ignore[attr-defined]
    response = server_error(request)
    assert response.status_code == 500
    assert "Something went wrong on our side" in response.text
