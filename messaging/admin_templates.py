"""Templates in the admin: to look up. They are written on their own pages, which show what the phone will show."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.utils.html import format_html_join
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import EMPTY, RelatedFilter, moment_column
from messaging.models import MessageTemplate, TemplateVersion


@admin.register(MessageTemplate)
class MessageTemplateAdmin(OrganizationAdmin):
    area = "campaigns"
    list_display = ("name", "in_folder", "beginning", "archived", "created")
    search_fields = ("name", "folder")
    search_help_text = _("By name or folder.")
    ordering = ("folder", "name")
    fieldsets = (
        (None, {"fields": ("name", "in_folder", "organization", "archived", "created")}),
        (_("Versions"), {"fields": ("texts",)}),
    )
    created = moment_column("created_at", _("created"))
    archived = moment_column("archived_at", _("archived"))

    def get_queryset(self, request: Any) -> QuerySet[MessageTemplate]:
        return super().get_queryset(request).prefetch_related("versions__media")

    @display(description=_("folder"), ordering="folder")
    def in_folder(self, row: MessageTemplate) -> str:
        return row.folder or EMPTY

    @display(description=_("message"))
    def beginning(self, row: MessageTemplate) -> str:
        newest = next(iter(row.versions.all()), None)
        return " ".join(newest.text.split())[:60] if newest and newest.text else EMPTY

    @display(description=_("texts"))
    def texts(self, row: MessageTemplate) -> str:
        told = ((version.number, version.media or "", version.text) for version in row.versions.all())
        return format_html_join("", "<p><b>{}</b> {} {}</p>", told) or EMPTY


@admin.register(TemplateVersion)
class TemplateVersionAdmin(OrganizationAdmin):
    area = "campaigns"
    organization_path = "template__organization"
    list_display = ("template", "number", "text", "created")
    list_filter = (("template", RelatedFilter),)
    search_fields = ("template__name",)
    search_help_text = _("By name of the template.")
    list_select_related = ("template",)
    ordering = ("-id",)
    fieldsets = ((None, {"fields": ("template", "number", "text", "kind", "media", "created_by", "created")}),)
    created = moment_column("created_at", _("created"))
