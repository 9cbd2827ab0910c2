"""What every admin of this product stands on: rows of the person's organizations only, changed through services."""

from typing import Any

from django.contrib.admin import ShowFacets
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import display

from accounts.admin_access import access_of
from accounts.admin_forms import ServiceAdmin
from accounts.admin_lists import EMPTY, OrganizationFilter
from accounts.models import Organization


class BaseAdmin(ServiceAdmin):
    """How all lists behave."""

    empty_value_display = EMPTY
    list_per_page = 50
    list_filter_submit = True
    list_disable_select_all = True  # an action on what nobody has seen is seldom meant
    list_select_related: tuple[str, ...] = ()
    show_full_result_count = False
    show_facets = ShowFacets.NEVER  # they count every row once for each choice

    def organization_of(self, row: Any) -> Organization | None:
        return None

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        changelist = super().get_changelist_instance(request)
        changelist.result_list = list(changelist.result_list)
        self.prepare_rows(changelist.result_list)
        if not changelist.query and not changelist.has_active_filters:
            changelist.full_result_count = changelist.result_count  # else the title offers to "show all" of them
        return changelist

    def prepare_rows(self, rows: list[Any]) -> None:
        """Adds to the rows of one page what its columns need, in one query for all of them."""


class OrganizationAdmin(BaseAdmin):
    """Staff see the rows of organizations where their role holds `<area>.view`, and change them with `<area>.manage`."""

    area = ""  # an area of accounts.permissions
    organization_path = "organization"  # the lookup from a row to its organization; "" where the row itself is one

    # -- Who --

    @property
    def view_capability(self) -> str:
        return f"{self.area}.view"

    @property
    def manage_capability(self) -> str:
        return f"{self.area}.manage"

    def organization_of(self, row: Any) -> Organization:
        for name in filter(None, self.organization_path.split("__")):
            row = getattr(row, name)
        return row

    def _organization_id(self, row: Any) -> int | None:
        return None if row is None else self.organization_of(row).pk

    def has_module_permission(self, request: HttpRequest) -> bool:
        return access_of(request).may(self.view_capability)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access_of(request).may(self.view_capability, self._organization_id(obj))

    def has_manage_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access_of(request).may(self.manage_capability, self._organization_id(obj))

    # -- Which rows --

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request)
        joined = [*filter(None, [self.organization_path]), *self.list_select_related]
        if joined:
            rows = rows.select_related(*joined)
        ids = access_of(request).organization_ids(self.view_capability)
        return rows if ids is None else rows.filter(**{f"{self.organization_path or 'pk'}__in": ids})

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs.setdefault("queryset", self._choices_for(db_field, request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        kwargs.setdefault("queryset", self._choices_for(db_field, request))
        return super().formfield_for_manytomany(db_field, request, **kwargs)

    def _choices_for(self, db_field: Any, request: HttpRequest) -> Any:
        """Only what the person may see; of organizations, only those where he or she may do this."""
        related = db_field.remote_field.model
        if related is Organization:
            ids = access_of(request).organization_ids(self.manage_capability)
            return Organization.objects.all() if ids is None else Organization.objects.filter(pk__in=ids)
        return self.admin_site.get_model_admin(related).get_queryset(request)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        initial = super().get_changeform_initial_data(request)
        organizations = access_of(request).organizations(self.manage_capability)
        if "organization" in self.editable_on_add and len(organizations) == 1:
            initial.setdefault("organization", organizations[0].pk)
        return initial

    # -- Lists --

    def get_list_display(self, request: HttpRequest) -> list[str]:
        """With a column for the organization, for those who see more than one."""
        columns = list(super().get_list_display(request))
        if self.organization_path and len(access_of(request).organizations(self.view_capability)) > 1:
            columns.insert(1, "organization_name")
        return columns

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        filters = list(super().get_list_filter(request))
        return [OrganizationFilter, *filters] if self.organization_path else filters

    @display(description=_("organization"))
    def organization_name(self, row: Any) -> str:
        return str(self.organization_of(row))


class SuperuserOnly(ModelAdmin):
    """For what belongs to the installation and to no organization."""

    def has_module_permission(self, request: Any) -> bool:
        return access_of(request).is_superuser

    def has_view_permission(self, request: Any, obj: Any = None) -> bool:
        return access_of(request).is_superuser

    def has_add_permission(self, request: Any) -> bool:
        return access_of(request).is_superuser

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return access_of(request).is_superuser

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return access_of(request).is_superuser


class InstallationAdmin(BaseAdmin, SuperuserOnly):
    """Like `OrganizationAdmin`, for what belongs to the installation."""

    def has_manage_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return access_of(request).is_superuser


class ReadOnlyInline(TabularInline):
    """Rows that belong to the row shown. Who may see that one may see these."""

    extra = 0
    hide_title = True
    can_delete = False
    show_change_link = True

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
