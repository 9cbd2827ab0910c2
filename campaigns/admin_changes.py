"""What people did with campaigns, in the admin: to look up."""

import json

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import EMPTY, moment_column, status_column
from campaigns.models import CampaignChange


@admin.register(CampaignChange)
class CampaignChangeAdmin(OrganizationAdmin):
    area = "campaigns"
    list_display = ("done", "campaign_name", "what", "status_then", "who")
    search_fields = ("campaign__name", "what")
    search_help_text = _("By name of the campaign, or by what was done.")
    list_select_related = ("campaign", "user", "api_key")
    date_hierarchy = "at"
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("campaign", "what", "status_then", "who", "done", "remark", "organization")}),
        (_("Before and after"), {"fields": ("changes_shown",)}),
    )
    status_then = status_column(lambda row: row.status, _("status then"))
    done = moment_column("at", _("at"))

    @display(description=_("campaign"), ordering="campaign__name")
    def campaign_name(self, row: CampaignChange) -> str:
        return str(row.campaign)

    @display(description=_("by"))
    def who(self, row: CampaignChange) -> str:
        return str(row.user or row.api_key or EMPTY)

    @display(description=_("changes"))
    def changes_shown(self, row: CampaignChange) -> str:
        return json.dumps(row.changes, ensure_ascii=False, indent=2) if row.changes else EMPTY
