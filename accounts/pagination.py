"""Lists in the API: `{"next", "previous", "results"}`, with `"count"` when asked for by `?count=true`.

Pages are found by the last row seen (a cursor), not by skipping rows: the thousandth page of a million messages
costs what the first one costs, and rows added meanwhile shift nothing. Counting is the slow part, hence on demand.
"""

from typing import Any

from django.db.models import QuerySet
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response


class ApiPagination(CursorPagination):
    page_size_query_param = "limit"
    max_page_size = 200
    ordering = "-id"  # a view may set `ordering` itself: unique columns only, or rows get lost between pages

    def paginate_queryset(self, queryset: Any, request: Request, view: Any = None) -> list[Any] | None:
        self.count = queryset.count() if request.query_params.get("count") == "true" else None
        return super().paginate_queryset(queryset, request, view)

    def get_ordering(self, request: Request, queryset: QuerySet[Any], view: Any) -> tuple[str, ...]:
        ordering = getattr(view, "ordering", None) or self.ordering
        return (ordering,) if isinstance(ordering, str) else tuple(ordering)

    def get_paginated_response(self, data: Any) -> Response:
        answer = {"next": self.get_next_link(), "previous": self.get_previous_link(), "results": data}
        return Response(answer if self.count is None else {"count": self.count, **answer})

    def get_paginated_response_schema(self, schema: dict[str, Any]) -> dict[str, Any]:
        described = super().get_paginated_response_schema(schema)
        described["properties"]["count"] = {"type": "integer", "description": "Only with `?count=true`."}
        return described
