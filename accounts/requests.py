"""What pages find on their request."""

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

from accounts.models import Membership, Organization, User


class PageRequest(HttpRequest):
    """A request to a page for somebody who is signed in."""

    user: User
    htmx: HtmxDetails


class OrganizationRequest(PageRequest):
    """A request to a page under `/o/<organization>`, after the middleware let the person in."""

    organization: Organization
    membership: Membership
