"""What happened to contacts, and which of them were merged, in the admin. To be read only."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import EMPTY, LongListMixin, moment_column, pairs
from contacts.admin_phone import PhoneSearchMixin
from contacts.models import ContactEvent, ContactMerge, OtherNumber


@admin.register(ContactEvent)
class ContactEventAdmin(LongListMixin, PhoneSearchMixin, OrganizationAdmin):
    area = "contacts"
    organization_path = "contact__organization"
    phone_field = "contact__phone_number"
    list_display = ("contact", "kind", "source", "happened")
    list_filter = (("kind", ChoicesDropdownFilter),)
    search_help_text = _("By phone number (whole, or how it begins).")
    list_select_related = ("contact",)
    fieldsets = ((None, {"fields": ("contact", "kind", "source", "known", "happened")}),)
    happened = moment_column("at", _("when"))

    @display(description=_("detail"))
    def known(self, row: ContactEvent) -> str:
        return pairs(row.detail)


@admin.register(OtherNumber)
class OtherNumberAdmin(LongListMixin, PhoneSearchMixin, OrganizationAdmin):
    area = "contacts"
    list_display = ("number", "lid", "contact", "since")
    search_help_text = _("By phone number (whole, or how it begins).")
    list_select_related = ("contact",)
    fieldsets = ((None, {"fields": ("number", "lid", "contact", "organization", "since")}),)
    since = moment_column("created_at", _("since"))

    @display(description=_("phone number"))
    def number(self, row: OtherNumber) -> str:
        return row.phone_number or EMPTY


@admin.register(ContactMerge)
class ContactMergeAdmin(LongListMixin, OrganizationAdmin):
    area = "contacts"
    list_display = ("kept", "source", "happened")
    list_select_related = ("kept",)
    fieldsets = ((None, {"fields": ("kept", "organization", "source", "happened")}),)
    happened = moment_column("at", _("when"))

    def get_search_results(self, request: Any, queryset: Any, search_term: str) -> tuple[Any, bool]:
        return queryset, False
