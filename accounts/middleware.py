"""Which organization a page belongs to, and who may come in; messages for parts of pages."""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect, trigger_client_event

from accounts import queries

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class OrganizationMiddleware:
    """Resolves `/o/<slug:organization>/…`: sets `request.organization` and `request.membership`, or keeps people out.

    Who is not signed in goes to the sign-in page; who is no member finds nothing there (404), exactly as for an
    organization that does not exist. Times are shown in the organization's time zone.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        request.organization = request.membership = None  # type: ignore[attr-defined]
        try:
            response = self.get_response(request)
        finally:
            timezone.deactivate()
        hand_messages_to_htmx(request, response)
        return response

    def process_view(
        self, request: Any, view: Callable[..., Any], args: list[Any], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        if "organization" not in kwargs:
            return None
        if not request.user.is_authenticated:
            return sign_in_first(request)
        membership = queries.membership_of(request.user, kwargs["organization"])
        if membership is None:
            raise Http404("No such organization, or not a member of it.")
        request.membership = membership
        request.organization = membership.organization
        if request.session.get("organization") != membership.organization.slug:
            request.session["organization"] = membership.organization.slug
        timezone.activate(membership.organization.timezone)
        return None


def sign_in_first(request: Any) -> HttpResponse:
    """To the sign-in page and, afterwards, back to the page that the person was on."""
    if settings.SESSION_COOKIE_NAME in request.COOKIES:
        messages.info(request, _("Your session has expired. Sign in again."))
    if request.htmx:
        # The address of a part of a page is no place to return to: the page around it is.
        page = request.htmx.current_url_abs_path or "/"
        return HttpResponseClientRedirect(redirect_to_login(page, resolve_url(settings.LOGIN_URL)).url)
    page = request.get_full_path() if request.method in ("GET", "HEAD") else request.path
    return redirect_to_login(page, resolve_url(settings.LOGIN_URL))


def hand_messages_to_htmx(request: Any, response: HttpResponseBase) -> None:
    """What `messages.success(…)` and the like said becomes toasts, where only a part of the page is replaced.

    On the way to another page (HX-Redirect, HX-Refresh) the messages wait for that page.
    """
    if not getattr(request, "htmx", False) or request.htmx.boosted or not isinstance(response, HttpResponse):
        return
    if {"HX-Redirect", "HX-Refresh", "HX-Location"} & set(response.headers) or 300 <= response.status_code < 400:
        return
    said = [{"text": str(message), "level": message.level_tag} for message in messages.get_messages(request)]
    if said:
        trigger_client_event(response, "flash", {"messages": said})
