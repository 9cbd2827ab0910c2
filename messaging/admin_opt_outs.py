"""Opt-outs after campaigns in the admin: to look up, not to change."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import LongListMixin, moment_column
from contacts.admin_phone import PhoneSearchMixin
from messaging.models import BatchOptOut


@admin.register(BatchOptOut)
class BatchOptOutAdmin(LongListMixin, PhoneSearchMixin, OrganizationAdmin):
    area = "messages"
    organization_path = "batch__organization"
    phone_field = "event__phone_number"
    list_display = ("number", "batch", "written")
    search_help_text = _("By phone number (whole, or how it begins).")
    list_select_related = ("event", "batch")
    fieldsets = ((None, {"fields": ("number", "batch", "message", "written", "said")}),)
    written = moment_column("event__at", _("at"), ordering=False)

    @display(description=_("phone number"))
    def number(self, row: BatchOptOut) -> str:
        return row.event.phone_number

    @display(description=_("their message"))
    def said(self, row: BatchOptOut) -> str:
        return row.event.text
