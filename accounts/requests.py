"""What pages and the API find on their request."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails
from rest_framework.request import Request

from accounts.models import ApiKey, Membership, Organization, User


class PageRequest(HttpRequest):
    """A request to a page for somebody who is signed in."""

    user: User
    htmx: HtmxDetails


class OrganizationRequest(PageRequest):
    """A request to a page under `/o/<organization>`, after the middleware let the person in."""

    organization: Organization
    membership: Membership


class ApiRequest(Request):
    """A request to the API, after an API key or a page's session was accepted."""

    organization: Organization
    auth: ApiKey | Membership
