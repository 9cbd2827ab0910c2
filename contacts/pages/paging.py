"""Long tables, page by page."""

from typing import Any

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.utils.functional import cached_property

from accounts.requests import OrganizationRequest

A_PAGE = 50
FURTHEST_PAGE = 200  # whoever looks for somebody beyond that searches
MOST_COUNTED = A_PAGE * FURTHEST_PAGE


class CappedPaginator(Paginator):
    """Counts no further than the last page that can be opened: counting a million rows takes longer than reading one."""

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST_COUNTED].count())

    @property
    def is_capped(self) -> bool:
        return self.count == MOST_COUNTED


def page_of(request: OrganizationRequest, found: QuerySet[Any]) -> Any:
    wanted = request.GET.get("page", "1")
    return CappedPaginator(found, A_PAGE).get_page(min(int(wanted), FURTHEST_PAGE) if wanted.isdecimal() else 1)
