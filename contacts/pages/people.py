"""Pages of people and lists."""

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_GET

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from contacts import queries
from contacts.models import ContactList
from contacts.pages.paging import page_of


@requires("contacts.view")
@require_GET
def contacts(request: OrganizationRequest, organization: str) -> HttpResponse:
    search = request.GET.get("search", "")[:100]
    wanted = request.GET.get("list", "")
    lists = ContactList.objects.for_organization(request.organization)
    chosen = get_object_or_404(lists, pk=int(wanted)) if wanted.isdecimal() and len(wanted) < 18 else None
    page = page_of(request, queries.contacts(request.organization, search=search, contact_list=chosen))
    blocked = queries.blocked_among(request.organization, [contact.phone_number for contact in page])
    context = {
        "page": page,
        "rows": [(contact, blocked.get(contact.phone_number, "")) for contact in page],
        "search": search,
        "chosen": chosen,
    }
    return render(request, "contacts/list.html", context)


@requires("contacts.view")
@require_GET
def lists(request: OrganizationRequest, organization: str) -> HttpResponse:
    return render(request, "contacts/lists.html", {"lists": queries.lists_with_sizes(request.organization)})
