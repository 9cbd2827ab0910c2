"""Long tables, page by page."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet

from accounts.requests import OrganizationRequest

A_PAGE = 50
FURTHEST_PAGE = 200  # whoever looks for somebody beyond that searches


def page_of(request: OrganizationRequest, found: QuerySet[Any]) -> Any:
    wanted = request.GET.get("page", "1")
    return Paginator(found, A_PAGE).get_page(min(int(wanted), FURTHEST_PAGE) if wanted.isdecimal() else 1)
