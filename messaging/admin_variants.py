"""Variants of texts, how they are compared, and clicks, in the admin: to look up, not to change."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import LongListMixin, moment_column
from messaging.models import Click, Experiment, Link, Variant


@admin.register(Variant)
class VariantAdmin(LongListMixin, OrganizationAdmin):
    area = "campaigns"
    organization_path = "batch__organization"
    list_display = ("name", "batch", "position", "share", "text")
    search_fields = ("name", "text")
    search_help_text = _("By name or text.")
    list_select_related = ("batch",)
    ordering = ("-id",)
    fieldsets = ((None, {"fields": ("batch", "position", "name", "share", "text", "kind", "media")}),)


@admin.register(Experiment)
class ExperimentAdmin(LongListMixin, OrganizationAdmin):
    area = "campaigns"
    organization_path = "batch__organization"
    list_display = ("batch", "goal", "holdout_share", "test_share", "winner", "decided_as", "decided")
    list_select_related = ("batch", "winner")
    ordering = ("-id",)
    fieldsets = (
        (
            None,
            {"fields": ("batch", "goal", "holdout_share", "test_share", "measure_minutes", "decide_early")},
        ),
        (
            _("What came of it"),
            {
                "fields": (
                    "tested",
                    "looks",
                    "closed",
                    "winner",
                    "decided_as",
                    "decided",
                    "released",
                    "result",
                    "figures",
                )
            },
        ),
    )
    tested = moment_column("tested_at", _("test sent"))
    closed = moment_column("closed_at", _("measured"))
    decided = moment_column("decided_at", _("chosen"))
    released = moment_column("released_at", _("given to the rest"))


@admin.register(Link)
class LinkAdmin(LongListMixin, OrganizationAdmin):
    area = "campaigns"
    organization_path = "batch__organization"
    list_display = ("url", "batch", "number")
    search_fields = ("url",)
    search_help_text = _("By what it leads to.")
    list_select_related = ("batch",)
    ordering = ("-id",)
    fieldsets = ((None, {"fields": ("batch", "number", "url")}),)


@admin.register(Click)
class ClickAdmin(LongListMixin, OrganizationAdmin):
    area = "messages"
    organization_path = "batch__organization"
    list_display = ("message", "link", "is_bot", "number", "first")
    list_filter = ("is_bot",)
    list_select_related = ("batch", "link", "message")
    ordering = ("-id",)
    fieldsets = ((None, {"fields": ("batch", "message", "link", "is_bot", "reason", "number", "first", "last")}),)
    first = moment_column("first_at", _("first"))
    last = moment_column("last_at", _("last"))
