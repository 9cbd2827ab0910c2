"""Attributes and segments, in the admin."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import EMPTY, moment_column
from contacts.models import AttributeDefinition


@admin.register(AttributeDefinition)
class AttributeDefinitionAdmin(OrganizationAdmin):
    area = "contacts"
    list_display = ("key", "label", "shown_kind", "becomes", "created")
    list_filter = (("kind", ChoicesDropdownFilter),)
    search_fields = ("key", "label")
    search_help_text = _("By variable or name.")
    ordering = ("key", "id")
    fieldsets = ((None, {"fields": ("key", "label", "organization", "shown_kind", "becomes", "created")}),)
    created = moment_column("created_at", _("created"))

    @display(description=_("type"))
    def shown_kind(self, row: AttributeDefinition) -> str:
        return row.get_kind_display()

    @display(description=_("is being changed to"))
    def becomes(self, row: AttributeDefinition) -> str:
        return row.get_wanted_kind_display() or EMPTY
