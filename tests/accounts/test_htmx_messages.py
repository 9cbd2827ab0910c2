"""What a view says with `messages.…` reaches people also where only a part of the page is replaced."""

import json

import pytest
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.test import Client
from django.urls import path
from django_htmx.http import HttpResponseClientRedirect

from accounts.models import Organization

HTMX = {"HX-Request": "true"}


def say(request: HttpRequest, answer: str) -> HttpResponseBase:
    messages.success(request, "Saved “everything”.")
    messages.error(request, "Almost.")
    answers = {"part": HttpResponse("<p>new</p>"), "away": HttpResponseClientRedirect("/accounts/login")}
    return answers[answer]


def hear(request: HttpRequest) -> HttpResponse:
    said = [str(message) for message in messages.get_messages(request)]
    return HttpResponse(json.dumps(said), content_type="application/json")


urlpatterns = [path("say/<answer>", say), path("hear", hear)]
pytestmark = pytest.mark.urls(__name__)


def test_a_part_brings_its_messages_along(db: None, client: Client) -> None:
    response = client.get("/say/part", headers=HTMX)
    assert json.loads(response.headers["HX-Trigger"]) == {
        "flash": {
            "messages": [
                {"text": "Saved “everything”.", "level": "success"},
                {"text": "Almost.", "level": "error"},
            ]
        }
    }
    assert client.get("/hear").json() == []


@pytest.mark.parametrize(("where", "headers"), [("/say/part", {}), ("/say/away", HTMX)])
def test_otherwise_messages_wait_for_the_next_page(
    db: None, client: Client, where: str, headers: dict[str, str]
) -> None:
    assert "HX-Trigger" not in client.get(where, headers=headers).headers
    assert client.get("/hear").json() == ["Saved “everything”.", "Almost."]


def test_pages_for_nobody_have_no_organization(client: Client, organization: Organization) -> None:
    request = client.get("/hear").wsgi_request
    assert (request.organization, request.membership) == (None, None)  # type: ignore[attr-defined]
