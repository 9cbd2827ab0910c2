"""Replies to campaigns in the admin: to look up, not to change."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import LongListMixin, moment_column
from contacts.admin_phone import PhoneSearchMixin
from messaging.models import BatchReply


@admin.register(BatchReply)
class BatchReplyAdmin(LongListMixin, PhoneSearchMixin, OrganizationAdmin):
    area = "messages"
    organization_path = "batch__organization"
    phone_field = "message__phone_number"
    list_display = ("number", "batch", "replied")
    search_help_text = _("By phone number (whole, or how it begins).")
    list_select_related = ("message", "batch", "reply")
    fieldsets = ((None, {"fields": ("number", "batch", "message", "replied", "said")}),)
    replied = moment_column("replied_at", _("at"), ordering=False)

    @display(description=_("phone number"))
    def number(self, row: BatchReply) -> str:
        return row.message.phone_number

    @display(description=_("their message"))
    def said(self, row: BatchReply) -> str:
        return row.reply.text
