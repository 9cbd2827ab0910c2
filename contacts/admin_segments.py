"""Attributes and segments, in the admin."""

from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import EMPTY, moment_column
from contacts.models import AttributeDefinition, Segment
from contacts.segments import services


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


@admin.register(Segment)
class SegmentAdmin(OrganizationAdmin):
    area = "contacts"
    list_display = ("name", "size", "counted", "changed")
    search_fields = ("name",)
    search_help_text = _("By name.")
    ordering = ("name", "id")
    fieldsets = ((None, {"fields": ("name", "organization", "asks", "size", "counted", "created", "changed")}),)
    created = moment_column("created_at", _("created"))
    changed = moment_column("updated_at", _("changed"))
    counted = moment_column("counted_at", _("counted"))

    @display(description=_("people when counted"))
    def size(self, row: Segment) -> str:
        return EMPTY if row.people is None else str(intcomma(row.people))

    @display(description=_("who is in it"))
    def asks(self, row: Segment) -> str:
        return "".join(services.described(row))
