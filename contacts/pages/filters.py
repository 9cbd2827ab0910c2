"""Which people a page is about, as its address or a form on it says."""

from urllib.parse import urlencode

from django.db.models import QuerySet
from django.http import QueryDict
from django.shortcuts import get_object_or_404

from accounts.requests import OrganizationRequest
from contacts import queries
from contacts.models import Contact, ContactList, Segment
from contacts.segments.trees import InvalidFilter


def chosen_list(request: OrganizationRequest, given: QueryDict) -> ContactList | None:
    wanted = given.get("list", "")
    if not wanted.isdecimal() or len(wanted) > 18:
        return None
    return get_object_or_404(ContactList.objects.for_organization(request.organization), pk=int(wanted))


def chosen_segment(request: OrganizationRequest, given: QueryDict) -> Segment | None:
    wanted = given.get("segment", "")
    if not wanted.isdecimal() or len(wanted) > 18:
        return None
    return get_object_or_404(Segment.objects.for_organization(request.organization), pk=int(wanted))


def filtered(request: OrganizationRequest, given: QueryDict) -> tuple[QuerySet[Contact], str]:
    """The people that `search`, `list`, `tag` and `segment` name, and the same as the query of an address."""
    asked = {name: given.get(name, "").strip()[:100] for name in ("search", "list", "tag", "segment")}
    try:
        found = queries.contacts(
            request.organization,
            search=asked["search"],
            contact_list=chosen_list(request, given),
            tag=asked["tag"],
            segment=chosen_segment(request, given),
        )
    except InvalidFilter:  # its own page says what is wrong with it
        found = Contact.objects.none()
    return found, urlencode({name: value for name, value in asked.items() if value})
