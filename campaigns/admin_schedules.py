"""Schedules and their due times in the admin: to look up. They are changed with their campaigns."""

from typing import Any

from django.contrib import admin
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display

from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import EMPTY, moment_column, name_column, status_column
from campaigns import schedules
from campaigns.models import Occurrence, Schedule


@admin.register(Schedule)
class ScheduleAdmin(OrganizationAdmin):
    area = "campaigns"
    list_display = ("campaign_name", "state_shown", "rule", "next", "runs")
    list_filter = (("kind", ChoicesDropdownFilter), ("state", ChoicesDropdownFilter))
    search_fields = ("campaign__name",)
    search_help_text = _("By name of the campaign.")
    list_select_related = ("campaign", "created_by")
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("campaign", "state_shown", "rule", "next", "end", "organization")}),
        (_("Limits"), {"fields": ("starts_on", "ends_on", "max_runs", "runs", "late_hours")}),
        (_("History"), {"fields": ("maker", "created")}),
    )
    state_shown = status_column(lambda row: row.state, _("state"))
    next = moment_column("next_at", _("next"))
    maker = name_column("created_by", _("made by"))
    created = moment_column("created_at", _("created"))

    @display(description=_("campaign"), ordering="campaign__name")
    def campaign_name(self, row: Schedule) -> str:
        return row.campaign.name

    @display(description=_("when"))
    def rule(self, row: Schedule) -> str:
        return schedules.sentence(row)

    @display(description=_("scheduled end"))
    def end(self, row: Schedule) -> str:
        return schedules.end_sentence(row) or EMPTY


@admin.register(Occurrence)
class OccurrenceAdmin(OrganizationAdmin):
    area = "campaigns"
    list_display = ("planned", "due", "outcome_shown", "started", "why")
    list_filter = (("outcome", ChoicesDropdownFilter),)
    search_fields = ("schedule__campaign__name",)
    search_help_text = _("By name of the scheduled campaign.")
    list_select_related = ("schedule__campaign", "campaign")
    date_hierarchy = "at"
    ordering = ("-at",)
    fieldsets = (
        (None, {"fields": ("planned", "due", "taken", "outcome_shown", "why", "campaign", "organization")}),
        (_("Scheduled end"), {"fields": ("stop_action", "stops", "stopped")}),
    )
    outcome_shown = status_column(lambda row: row.outcome, _("outcome"), word=lambda row: row.get_outcome_display())
    due = moment_column("at", _("due"))
    taken = moment_column("taken_at", _("taken up"))
    stops = moment_column("stop_at", _("end"))
    stopped = moment_column("stopped_at", _("ended"))

    @display(description=_("scheduled campaign"))
    def planned(self, row: Occurrence) -> str:
        return row.schedule.campaign.name

    @display(description=_("started"))
    def started(self, row: Occurrence) -> Any:
        return row.campaign.name if row.campaign else EMPTY

    @display(description=_("reason"))
    def why(self, row: Occurrence) -> str:
        return row.reason or EMPTY
