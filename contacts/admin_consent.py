"""Who agreed to be messaged, and who was erased, in the admin. To be read only."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import LongListMixin, moment_column, pairs, status_column
from contacts.admin_phone import PhoneSearchMixin
from contacts.models import Consent, ConsentChange, ErasedNumber, Erasure


class ToldAdmin(LongListMixin, PhoneSearchMixin, OrganizationAdmin):
    area = "contacts"
    list_display = ("phone_number", "what", "source", "moment")
    list_filter = ("is_given",)
    search_help_text = _("By phone number (whole, or how it begins).")
    fieldsets: Any = ((None, {"fields": ("phone_number", "organization", "what", "source", "evidence", "moment")}),)
    moment = moment_column("at", _("at"), ordering=False)
    what = status_column(
        lambda row: "given" if row.is_given else "withdrawn",
        _("consent"),
        word=lambda row: _("Given") if row.is_given else _("Withdrawn"),
        tones={"given": "success", "withdrawn": "warning"},
    )


@admin.register(Consent)
class ConsentAdmin(ToldAdmin):
    pass


@admin.register(ConsentChange)
class ConsentChangeAdmin(ToldAdmin):
    recorded = moment_column("recorded_at", _("recorded"), ordering=False)
    fieldsets = (
        (None, {"fields": ("phone_number", "organization", "what", "source", "evidence", "moment", "recorded")}),
    )


@admin.register(Erasure)
class ErasureAdmin(LongListMixin, OrganizationAdmin):
    area = "organization"
    list_display = ("__str__", "state", "asked_by", "asked", "finished")
    list_filter = (("status", ChoicesDropdownFilter),)
    fieldsets = (
        (None, {"fields": ("state", "waits_for", "organization", "stays_unreachable", "asked_by")}),
        (_("What went"), {"fields": ("what_went",)}),
        (_("History"), {"fields": ("asked", "tried", "finished")}),
    )
    asked = moment_column("created_at", _("asked for"), ordering=False)
    tried = moment_column("tried_at", _("last try"), ordering=False)
    finished = moment_column("finished_at", _("done"), ordering=False)
    state = status_column(
        lambda row: row.status,
        _("status"),
        word=lambda row: row.get_status_display(),
        tones={"waiting": "warning", "removing": "info", "done": "success"},
    )

    @display(description=_("removed"))
    def what_went(self, row: Erasure) -> str:
        return pairs(row.removed)

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return queryset, False


@admin.register(ErasedNumber)
class ErasedNumberAdmin(LongListMixin, OrganizationAdmin):
    area = "contacts"
    list_display = ("__str__", "reason", "since")
    fieldsets = ((None, {"fields": ("__str__", "organization", "reason", "since")}),)
    since = moment_column("created_at", _("since"), ordering=False)

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return queryset, False
