"""Broadcast lists, broadcasts, bulk sends and reminders in the admin. They are made on their pages."""

from typing import Any

from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import intcomma
from django.db.models import Count
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.admin_actions import RowAction
from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import LongListMixin, RelatedFilter, moment_column, name_column, status_column
from broadcasts import reminders
from broadcasts.models import Broadcast, BroadcastList, BroadcastMember, BulkSend, Reminder, ReminderRun
from contacts.admin_phone import PhoneSearchMixin
from messaging.admin import bubble, failed_column, figures_of, progress_column
from messaging.services import NotAllowed


@admin.register(BroadcastList)
class BroadcastListAdmin(OrganizationAdmin):
    area = "messages"
    list_display = ("name", "size", "sender", "gap_seconds", "created")
    list_filter = (("sender", RelatedFilter),)
    search_fields = ("name",)
    search_help_text = _("By name.")
    list_select_related = ("sender", "created_by")
    ordering = ("-id",)
    fieldsets = ((None, {"fields": ("name", "organization", "size", "sender", "gap_seconds", "maker", "created")}),)
    created = moment_column("created_at", _("made"))
    maker = name_column("created_by", _("made by"))

    def get_queryset(self, request: Any) -> Any:
        return super().get_queryset(request).annotate(number=Count("members"))

    @display(description=_("people"))
    def size(self, row: Any) -> str:
        return str(intcomma(row.number))


@admin.register(BroadcastMember)
class BroadcastMemberAdmin(LongListMixin, PhoneSearchMixin, OrganizationAdmin):
    area = "messages"
    organization_path = "broadcast_list__organization"
    list_display = ("phone_number", "broadcast_list", "group_number", "added")
    search_help_text = _("By phone number (whole, or how it begins).")
    list_select_related = ("broadcast_list",)
    fieldsets = ((None, {"fields": ("phone_number", "broadcast_list", "group_number", "added")}),)
    added = moment_column("added_at", _("added"), ordering=False)

    @display(description=_("group"))
    def group_number(self, row: BroadcastMember) -> str:
        return str(row.group + 1)


@admin.register(Broadcast)
class BroadcastAdmin(OrganizationAdmin):
    area = "messages"
    list_display = ("list_name", "state", "progress", "failed", "maker", "sent")
    search_fields = ("list_name",)
    search_help_text = _("By name of the list.")
    list_select_related = ("batch", "broadcast_list", "created_by")
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("list_name", "state", "organization", "message_text")}),
        (_("History"), {"fields": ("broadcast_list", "batch", "maker", "sent")}),
    )
    state = status_column(lambda row: row.batch.status, _("status"))
    maker = name_column("created_by", _("sent by"))
    sent = moment_column("created_at", _("sent"))

    def prepare_rows(self, rows: list[Any]) -> None:
        figures = figures_of([row.batch_id for row in rows])
        for row in rows:
            row.figures = figures[row.batch_id]

    @display(description=_("done"))
    def progress(self, row: Any) -> str:
        return progress_column(row.figures)

    @display(description=_("failed or unknown"))
    def failed(self, row: Any) -> str:
        return failed_column(row.figures)

    @display(description=_("text"))
    def message_text(self, row: Broadcast) -> str:
        return bubble(row.batch.text)


@admin.register(BulkSend)
class BulkSendAdmin(OrganizationAdmin):
    area = "messages"
    list_display = ("__str__", "way", "maker", "sent")
    list_filter = (("way", ChoicesDropdownFilter),)
    search_fields = ("name", "=id")
    search_help_text = _("By name or number.")
    list_select_related = ("created_by",)
    ordering = ("-id",)
    fieldsets = ((None, {"fields": ("name", "organization", "way", "its_batches", "maker", "sent")}),)
    maker = name_column("created_by", _("sent by"))
    sent = moment_column("created_at", _("sent"))

    @display(description=_("batches"))
    def its_batches(self, row: BulkSend) -> str:
        return ", ".join(str(batch) for batch in row.batches.order_by("pk"))


@admin.register(Reminder)
class ReminderAdmin(PhoneSearchMixin, OrganizationAdmin):
    area = "messages"
    refusals = (NotAllowed,)
    list_display = ("__str__", "phone_number", "current_state", "rule", "next_time", "created")
    list_filter = (("state", ChoicesDropdownFilter), ("repeat", ChoicesDropdownFilter))
    search_help_text = _("By phone number (whole, or how it begins).")
    list_select_related = ("sender", "file", "created_by")
    ordering = ("-id",)
    fieldsets = (
        (
            None,
            {"fields": ("name", "phone_number", "current_state", "organization", "message_text", "file", "sender")},
        ),
        (_("When"), {"fields": ("rule", "next_time", "ends_on", "late_hours")}),
        (_("History"), {"fields": ("maker", "created")}),
    )
    row_actions = (
        RowAction(
            name="end",
            title=_("End"),
            question=_("It is not sent any more. What was sent stays."),
            done=ngettext_lazy("%(count)d reminder ended.", "%(count)d reminders ended.", "count"),
            run=lambda request, row: reminders.end_reminder(reminder=row, by=request.user),
            icon="cancel",
            variant=ActionVariant.DANGER,
            offered=lambda row: row.state != Reminder.State.ENDED,
        ),
    )
    current_state = status_column(lambda row: row.state, _("state"), ordering="state")
    next_time = moment_column("next_at", _("next"))
    created = moment_column("created_at", _("made"))
    maker = name_column("created_by", _("made by"))

    @display(description=_("repeats"))
    def rule(self, row: Reminder) -> str:
        return str(row.recurrence)

    @display(description=_("text"))
    def message_text(self, row: Reminder) -> str:
        return bubble(row.text)


@admin.register(ReminderRun)
class ReminderRunAdmin(LongListMixin, OrganizationAdmin):
    area = "messages"
    organization_path = "reminder__organization"
    list_display = ("reminder", "due", "outcome", "message", "taken")
    list_filter = (("outcome", ChoicesDropdownFilter),)
    list_select_related = ("reminder", "message")
    fieldsets = ((None, {"fields": ("reminder", "due", "outcome", "message", "taken")}),)
    due = moment_column("at", _("due"), ordering=False)
    taken = moment_column("taken_at", _("taken up"), ordering=False)
