"""Counted reports and rehearsals in the admin: to look up as of when they are, and how long they took."""

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import moment_column
from campaigns.models import CampaignReport, Rehearsal


@admin.register(CampaignReport)
class CampaignReportAdmin(OrganizationAdmin):
    area = "campaigns"
    organization_path = "campaign__organization"
    list_display = ("campaign_name", "counted_at", "took")
    search_fields = ("campaign__name",)
    search_help_text = _("By name of the campaign.")
    list_select_related = ("campaign",)
    ordering = ("-id",)
    fieldsets = ((None, {"fields": ("campaign", "counted_at", "took", "details")}),)
    counted_at = moment_column("as_of", _("as of"))

    @display(description=_("campaign"), ordering="campaign__name")
    def campaign_name(self, row: CampaignReport) -> str:
        return row.campaign.name

    @display(description=_("counting took"), ordering="took_ms")
    def took(self, row: CampaignReport) -> str:
        return _("%(number)s ms") % {"number": row.took_ms}


@admin.register(Rehearsal)
class RehearsalAdmin(OrganizationAdmin):
    area = "campaigns"
    organization_path = "campaign__organization"
    list_display = ("campaign_name", "status", "asked_at", "finished_at_shown", "done", "people")
    list_filter = ("status",)
    search_fields = ("campaign__name",)
    search_help_text = _("By name of the campaign.")
    list_select_related = ("campaign",)
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("campaign", "status", "error", "created_by")}),
        (
            _("Progress"),
            {"fields": ("asked_at", "seen_at", "attempts", "moment", "done", "people", "finished_at_shown")},
        ),
        (_("Result"), {"fields": ("result",)}),
    )
    asked_at = moment_column("created_at", _("asked for"))
    finished_at_shown = moment_column("finished_at", _("finished"))

    @display(description=_("campaign"), ordering="campaign__name")
    def campaign_name(self, row: Rehearsal) -> str:
        return row.campaign.name
