"""What lists of the admin are made of: columns for moments and statuses, filters, and care for very long tables."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import reduce
from typing import Any, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db import OperationalError, connection, models, transaction
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.functional import Promise, cached_property
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from psycopg.errors import QueryCanceled
from unfold.admin import ModelAdmin
from unfold.contrib.filters.admin import DropdownFilter, RelatedDropdownFilter
from unfold.decorators import display
from unfold.views import ChangeList

from accounts.admin_access import access_of
from accounts.models import Organization
from accounts.statuses import look_of
from accounts.templatetags import interface

EMPTY: Final = "—"
MOST_COUNTED: Final = 10_000  # rows of a long table that its list counts and pages through
LIST_SECONDS: Final = 5  # after that a list of a long table gives up
MOST_OFFERED: Final = 500  # choices in one filter

Column = Callable[[Any, Any], Any]


def moment_column(field: str, title: str | Promise, *, ordering: bool = True) -> Column:
    """A column for a moment, in the time zone of the row's organization, with the zone named.

    `field` may lead to another row (`batch__started_at`), which the list must have fetched.
    """

    @display(description=title, ordering=field if ordering else None)
    def column(self: Any, row: Any) -> str:
        value = reduce(getattr, field.split("__"), row)
        return moment_in_zone_of(self.organization_of(row), value)

    return column


def name_column(field: str, title: str | Promise) -> Column:
    """A column with the name of a related row, without a link: not everybody may open it."""

    @display(description=title, ordering=field)
    def column(self: Any, row: Any) -> str:
        related = getattr(row, field)
        return EMPTY if related is None else str(related)

    return column


def moment_in_zone_of(organization: Organization | None, value: Any) -> str:
    if value is None:
        return EMPTY
    with timezone.override(organization.timezone if organization else None):
        return interface.moment(value)


def status_column(
    read: Callable[[Any], str],
    title: str | Promise,
    *,
    ordering: str | None = None,
    word: Callable[[Any], Any] | None = None,
    tones: Mapping[str, str] | None = None,
) -> Column:
    """A column for a status as a word on its colour. `read` gives the stored word.

    Word and colour are those of `accounts.statuses`, unless `word` and `tones` say otherwise.
    """

    @display(description=title, ordering=ordering)
    def column(self: Any, row: Any) -> str:
        status = read(row)
        look = look_of(status)
        # unfold's own `label=` works in lists only.
        context = {"text": word(row) if word else look.word, "type": (tones or {}).get(status, look.tone)}
        return render_to_string("unfold/helpers/label.html", context)

    return column


def pairs(values: dict[str, Any]) -> str:
    """Names and values as lines that people can read."""
    if not values:
        return EMPTY
    lines = format_html_join("", "<dt>{}</dt><dd>{}</dd>", ((name, str(value)) for name, value in values.items()))
    return format_html('<dl class="admin-pairs">{}</dl>', lines)


# -- Filters: like everything else they name only rows that the person may see --


class OrganizationFilter(DropdownFilter):
    """Absent where there is only one organization to choose."""

    title = gettext_lazy("organization")
    parameter_name = "organization"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[int, str]]:
        self.path = model_admin.organization_path or "pk"
        organizations = access_of(request).organizations(model_admin.view_capability)[:MOST_OFFERED]
        return [(each.pk, each.name) for each in organizations] if len(organizations) > 1 else []

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(**{self.path: int(value)}) if value.isdigit() else queryset.none()


class RelatedFilter(RelatedDropdownFilter):
    """Choices come through the admin of the related model, hence only those that the person may see."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        related = model_admin.admin_site.get_model_admin(field.remote_field.model)
        return [(row.pk, str(row)) for row in related.get_queryset(request)[:MOST_OFFERED]]


class StatusFilter(DropdownFilter):
    """By a status that is stored as a number; the words are those of the status column."""

    title = gettext_lazy("status")
    parameter_name = "status"
    statuses: type[models.IntegerChoices]

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[int, str]]:
        return [(status.value, str(look_of(str(status.label)).word)) for status in self.statuses]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(status=int(value)) if value.isdigit() else queryset.none()


# -- Long tables --


class CappedPaginator(Paginator):
    """Counts no further than `MOST_COUNTED`: counting a million rows takes longer than reading the page.

    Whoever looks for an older row searches for it; nobody turns two hundred pages.
    """

    template_name = "admin/capped_pagination.html"

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        return int(rows.order_by()[:MOST_COUNTED].count())

    @property
    def is_capped(self) -> bool:
        return self.count == MOST_COUNTED


@contextmanager
def time_limit(seconds: int) -> Iterator[None]:
    """Statements inside that take longer raise OperationalError. Call it in a transaction."""

    def limit(milliseconds: int) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])

    limit(seconds * 1000)
    yield
    limit(0)  # after an error the transaction's rollback does it


class NewestFirst(ChangeList):
    """Takes no other order from the address: only the newest first has an index."""

    def get_ordering_field(self, field_name: str) -> None:
        return None


class LongListMixin(ModelAdmin):
    """For tables that grow without end: capped counting, and an honest answer when a search takes too long."""

    paginator = CappedPaginator
    ordering = ("-id",)
    sortable_by = ()

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return NewestFirst

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if request.method != "GET":
            return super().changelist_view(request, extra_context)
        try:
            with transaction.atomic(), time_limit(LIST_SECONDS):
                response = super().changelist_view(request, extra_context)
                return response.render() if hasattr(response, "render") else response
        except OperationalError as error:
            if not isinstance(error.__cause__, QueryCanceled):
                raise
        messages.warning(
            request,
            _("This took too long. Search for a whole phone number, or choose an organization in the filters."),
        )
        request.admin_list_is_too_slow = True  # type: ignore[attr-defined]
        return super().changelist_view(request, extra_context)

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        return rows.none() if hasattr(request, "admin_list_is_too_slow") else rows
