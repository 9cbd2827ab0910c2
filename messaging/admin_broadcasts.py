"""Groups of broadcasts and the media library in the admin: to look up, not to change."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import LongListMixin, moment_column, name_column
from messaging.admin_media import file_url
from messaging.models import LibraryFile, Wave


@admin.register(Wave)
class WaveAdmin(LongListMixin, OrganizationAdmin):
    area = "campaigns"
    organization_path = "batch__organization"
    list_display = ("batch", "group_number", "size", "opened", "gone")
    search_fields = ("=batch__id",)
    search_help_text = _("By the number of the batch.")
    list_select_related = ("batch",)
    fieldsets = ((None, {"fields": ("batch", "group_number", "size", "opened", "gone")}),)
    opened = moment_column("opened_at", _("opened"), ordering=False)
    gone = moment_column("gone_at", _("gone"), ordering=False)

    @display(description=_("group"))
    def group_number(self, row: Wave) -> str:
        return str(row.number + 1)


@admin.register(LibraryFile)
class LibraryFileAdmin(OrganizationAdmin):
    area = "messages"
    list_display = ("name", "kind", "media", "created")
    list_filter = (("kind", ChoicesDropdownFilter),)
    search_fields = ("name",)
    search_help_text = _("By name.")
    list_select_related = ("media", "created_by", "thumbnail")
    ordering = ("-id",)
    fieldsets = ((None, {"fields": ("name", "link", "kind", "media", "organization", "maker", "created")}),)
    created = moment_column("created_at", _("added"))
    maker = name_column("created_by", _("added by"))

    @display(description=_("file"))
    def link(self, row: LibraryFile) -> str:
        return format_html('<a class="text-link" href="{}">{}</a>', file_url(row.media_id), _g("Open or save"))
