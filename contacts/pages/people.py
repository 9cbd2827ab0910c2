"""The page of people: all of them, those of a list, those that a search finds."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from contacts import queries
from contacts.models import ContactList
from contacts.pages.filters import chosen_list, chosen_segment, filtered
from contacts.pages.paging import page_of


@requires("contacts.view")
@require_GET
def contacts(request: OrganizationRequest, organization: str) -> HttpResponse:
    found, query = filtered(request, request.GET)
    page = page_of(request, found)
    blocked = queries.blocked_among(request.organization, [contact.phone_number for contact in page])
    context = {
        "page": page,
        "rows": [(contact, blocked.get(contact.phone_number, "")) for contact in page],
        "search": request.GET.get("search", "")[:100],
        "tag": request.GET.get("tag", "")[:100],
        "chosen": chosen_list(request, request.GET),
        "segment": chosen_segment(request, request.GET),
        "lists": ContactList.objects.for_organization(request.organization),
        "query": query,
    }
    return render(request, "contacts/list.html", context)
