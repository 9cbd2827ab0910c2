"""Files of messages and groups in the admin: to look up, not to change."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.template.defaultfilters import filesizeformat
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import EMPTY, RelatedFilter, moment_column
from messaging import media_response
from messaging.models import Group, Media


def file_url(media_id: int) -> str:
    return reverse("admin:messaging_media_file", args=[media_id])


@admin.register(Media)
class MediaAdmin(OrganizationAdmin):
    area = "messages"
    list_display = ("named", "mime_type", "how_large", "created")
    search_fields = ("file_name", "=sha256")
    search_help_text = _("By name of the file, or SHA-256.")
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("named", "link", "mime_type", "how_large", "organization", "created")}),
        (_("For support"), {"classes": ("collapse",), "fields": ("name", "sha256")}),
    )
    created = moment_column("created_at", _("stored"))

    def get_urls(self) -> list[Any]:
        file = path("<int:media_id>/file", self.admin_site.admin_view(self.file), name="messaging_media_file")
        return [file, *super().get_urls()]

    def file(self, request: HttpRequest, media_id: int) -> HttpResponseBase:
        """The file itself, for those who may see its row."""
        return media_response.respond(get_object_or_404(self.get_queryset(request), pk=media_id))

    @display(description=_("file"))
    def link(self, row: Media) -> str:
        return format_html('<a class="text-link" href="{}">{}</a>', file_url(row.pk), _g("Open or save"))

    @display(description=_("file name"))
    def named(self, row: Media) -> str:
        return row.file_name or EMPTY

    @display(description=_("size"), ordering="size")
    def how_large(self, row: Media) -> str:
        return filesizeformat(row.size)


@admin.register(Group)
class GroupAdmin(OrganizationAdmin):
    area = "messages"
    list_display = ("__str__", "sender", "how_many", "updated")
    list_filter = (("sender", RelatedFilter),)
    search_fields = ("subject", "=whatsapp_id")
    search_help_text = _("By subject or WhatsApp id.")
    list_select_related = ("sender",)
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("subject", "sender", "organization", "member_list", "members_as_of", "created_by_us")}),
        (_("For support"), {"classes": ("collapse",), "fields": ("whatsapp_id", "created", "updated")}),
    )
    created = moment_column("created_at", _("known since"))
    updated = moment_column("updated_at", _("as of"))
    members_as_of = moment_column("members_at", _("members as of"))

    @display(description=_("members"))
    def how_many(self, row: Group) -> str:
        return str(len(row.members)) if row.members_at else EMPTY

    @display(description=_("members"))
    def member_list(self, row: Any) -> str:
        named = [each["phone_number"] or each["name"] or f"LID {each['lid']}" for each in row.members]
        return ", ".join(named) or EMPTY
