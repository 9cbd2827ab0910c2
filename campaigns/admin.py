"""Campaigns in the admin: how far they are, and their brakes. They are made on the campaign pages."""

from typing import Any

from django.contrib import admin, messages
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from unfold.contrib.filters.admin import DropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.admin_actions import RowAction
from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import EMPTY, moment_column, name_column, status_column
from campaigns import admin_changes, admin_report, admin_schedules, queries, schedules, services
from campaigns.models import Campaign, CampaignStatus
from messaging import opt_out_rates, tasks
from messaging.admin import bubble, failed_column, figures_of, figures_table, progress_column
from messaging.services import NotAllowed

__all__ = ["admin_changes", "admin_report", "admin_schedules"]  # whose admins are registered with it


class CampaignStatusFilter(DropdownFilter):
    """By `Campaign.status`, which is the batch's from the moment the audience is frozen."""

    title = _("status")
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(CampaignStatus.choices)

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        if not value:
            return queryset
        return queries.with_status(queryset, value)


def _start(request: Any, row: Campaign) -> None:
    services.start_campaign(campaign=row, by=request.user)
    if row.status == CampaignStatus.READING:
        text = _g("“%(name)s” starts as soon as its list is read.") % {"name": row.name}
        messages.info(request, text)
    tasks.plan.delay_on_commit()


def _resume(request: Any, row: Campaign) -> None:
    schedules.resume_campaign(campaign=row, by=request.user)
    tasks.plan.delay_on_commit()


NOT_BEGUN = (CampaignStatus.READING, CampaignStatus.READY, CampaignStatus.SCHEDULED)
NOT_TO_CANCEL = (CampaignStatus.DRAFT, CampaignStatus.FAILED, CampaignStatus.COMPLETED, CampaignStatus.CANCELLED)


@admin.register(Campaign)
class CampaignAdmin(OrganizationAdmin):
    area = "campaigns"
    refusals = (ValidationError, NotAllowed)
    list_display = ("name", "state", "progress", "failed", "reason", "created", "started")
    list_filter = (CampaignStatusFilter,)
    search_fields = ("name",)
    search_help_text = _("By name.")
    list_select_related = ("batch", "schedule", "created_by", "contact_list", "segment", "list_import")
    date_hierarchy = "created_at"
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("name", "state", "reason", "organization", "message_text")}),
        (_("Figures"), {"fields": ("figures", "opted_out", "merged", "invalid_rows")}),
        (
            _("To whom and how"),
            {"fields": ("contact_list", "segment", "list_import", "senders", "start_when_ready", "batch")},
        ),
        (_("History"), {"fields": ("maker", "created", "frozen", "started", "finished")}),
    )
    row_actions = (
        RowAction(
            name="start",
            title=_("Start sending"),
            question=_("Messages go out from now on, as fast as the senders' limits allow."),
            done=ngettext_lazy("%(count)d campaign started.", "%(count)d campaigns started.", "count"),
            run=_start,
            icon="play_arrow",
            variant=ActionVariant.PRIMARY,
            offered=lambda row: row.status in NOT_BEGUN and not row.repeats,
        ),
        RowAction(
            name="pause",
            title=_("Pause"),
            question=_("Nothing more is sent until it is resumed. What has left has left."),
            done=ngettext_lazy("%(count)d campaign paused.", "%(count)d campaigns paused.", "count"),
            run=lambda request, row: schedules.pause_campaign(campaign=row, by=request.user),
            icon="pause",
            asks=False,
            offered=lambda row: (
                row.status == CampaignStatus.RUNNING or (row.repeats and row.status == CampaignStatus.SCHEDULED)
            ),
        ),
        RowAction(
            name="resume",
            title=_("Resume"),
            question=_("Sending goes on where it stopped."),
            done=ngettext_lazy("%(count)d campaign resumed.", "%(count)d campaigns resumed.", "count"),
            run=_resume,
            icon="play_arrow",
            variant=ActionVariant.PRIMARY,
            asks=False,
            offered=lambda row: row.status == CampaignStatus.PAUSED,
        ),
        RowAction(
            name="cancel",
            title=_("Cancel for good"),
            question=_("Whatever has not left yet never will. It cannot be undone: to stop for a while, pause."),
            done=ngettext_lazy("%(count)d campaign cancelled.", "%(count)d campaigns cancelled.", "count"),
            run=lambda request, row: services.cancel_campaign(campaign=row, by=request.user),
            icon="cancel",
            variant=ActionVariant.DANGER,
            offered=lambda row: row.status not in NOT_TO_CANCEL,
        ),
    )
    state = status_column(lambda row: row.status, _("status"))
    maker = name_column("created_by", _("made by"))
    created = moment_column("created_at", _("created"))
    frozen = moment_column("frozen_at", _("audience frozen"))
    started = moment_column("batch__started_at", _("started"))
    finished = moment_column("batch__finished_at", _("finished"))

    def prepare_rows(self, rows: list[Any]) -> None:
        figures = figures_of([row.batch_id for row in rows])
        for row in rows:
            row.figures = figures[row.batch_id]

    @display(description=_("done"))
    def progress(self, row: Any) -> str:
        return progress_column(row.figures)

    @display(description=_("opted out"))
    def opted_out(self, row: Campaign) -> str:
        return str(intcomma(opt_out_rates.of_batches([row.batch_id])[row.batch_id]))

    @display(description=_("failed or unknown"))
    def failed(self, row: Any) -> str:
        return failed_column(row.figures)

    @display(description=_("reason"))
    def reason(self, row: Campaign) -> str:
        """Why the list is not usable, or why it is paused."""
        return row.error or row.batch.status_reason or EMPTY

    @display(description=_("messages by status"))
    def figures(self, row: Campaign) -> str:
        return figures_table(figures_of([row.batch_id])[row.batch_id])

    @display(description=_("text"))
    def message_text(self, row: Campaign) -> str:
        return bubble(row.batch.text)

    @display(description=_("senders"))
    def senders(self, row: Campaign) -> str:
        return ", ".join(map(str, row.batch.senders.all())) or EMPTY
