"""Senders in the admin: their state, their limits, connecting and disconnecting."""

from typing import Any

from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.html import format_html_join
from django.utils.safestring import mark_safe
from django.utils.timezone import now
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.admin_actions import RowAction
from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import LongListMixin, RelatedFilter, moment_column, pairs, status_column
from contacts.admin_phone import PhoneForm, PhoneSearchMixin
from senders import guidance, health, queries, services
from senders.models import NumberCheck, Provider, Sender, SenderStatus, SenderUsage

QUOTA_HELP = {
    "quota_per_minute": _("Empty means no limit."),
    "quota_per_hour": _("Empty means no limit."),
    "quota_per_day": _("Counted from midnight in the organization's time zone. Empty means no limit."),
}


def use_of(period: queries.QuotaUse) -> str:
    """Messages leased in a period, of how many."""
    if period.limit is None:
        return str(intcomma(period.used))
    return _g("%(used)s of %(limit)s") % {"used": intcomma(period.used), "limit": intcomma(period.limit)}


def state_of_sending(sender: Sender) -> str:
    """What a connected sender does; whatever holds it back comes first."""
    if sender.paused_at is not None:
        return "paused"
    if sender.resting_until is not None and sender.resting_until > now():
        return "rests"
    if sender.status != SenderStatus.CONNECTED:
        return "not_connected"
    return "sends"


@admin.register(Sender)
class SenderAdmin(PhoneSearchMixin, OrganizationAdmin):
    area = "senders"
    refusals = (ValidationError, services.NotAllowed)
    list_display = ("name", "state", "phone_number", "today", "held_back", "since")
    list_filter = (("status", ChoicesDropdownFilter), "wanted", ("provider", ChoicesDropdownFilter))
    search_help_text = _("By name or phone number.")
    ordering = ("name", "id")
    editable_on_add = ("organization", "name", "provider", "phone_number", *services.LIMITS)
    editable_on_change = ("name", *services.LIMITS)
    add_form = PhoneForm
    add_fieldsets = (
        (
            None,
            {
                "fields": ("organization", "name", "provider", "phone_number"),
                "description": _("Afterwards press Connect, and link the phone on the sender's own page."),
            },
        ),
        (_("Limits"), {"fields": services.LIMITS}),
    )
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "name",
                    "state",
                    "to_do",
                    "status_detail",
                    "since",
                    "organization",
                    "provider",
                    "phone_number",
                )
            },
        ),
        (
            _("Limits"),
            {
                "fields": (*services.LIMITS, "use"),
                "description": _("A message waits when a limit is reached. Nothing is lost."),
            },
        ),
        (
            _("Health"),
            {
                "fields": ("held_back", "health_now", "failures", "resting", "paused", "paused_reason", "held"),
                "description": _("A sender that fails often slows down, rests, and at last pauses itself."),
            },
        ),
        (
            _("Session"),
            {"fields": ("wanted", "next_try", "is_linked", "linked", "pairing_number", "planned", "created")},
        ),
    )
    row_actions = (
        RowAction(
            name="connect",
            title=_("Connect"),
            question=_("The session service opens a session. A number that is not linked yet shows a QR code."),
            done=ngettext_lazy("%(count)d sender is connecting.", "%(count)d senders are connecting.", "count"),
            run=lambda request, row: services.request_connect(sender=row, by=request.user),
            icon="link",
            variant=ActionVariant.PRIMARY,
            asks=False,
            offered=lambda row: not row.wanted,
        ),
        RowAction(
            name="pause",
            title=_("Pause"),
            question=_("Nothing is sent through it until it is resumed. It stays connected and goes on receiving."),
            done=ngettext_lazy("%(count)d sender paused.", "%(count)d senders paused.", "count"),
            run=lambda request, row: services.pause_sender(sender=row, by=request.user),
            icon="pause",
            asks=False,
            offered=lambda row: row.wanted and row.paused_at is None,
        ),
        RowAction(
            name="resume",
            title=_("Resume"),
            question=_("It sends again, slowly at first. Its failures are forgotten."),
            done=ngettext_lazy("%(count)d sender resumed.", "%(count)d senders resumed.", "count"),
            run=lambda request, row: services.resume_sender(sender=row, by=request.user),
            icon="play_arrow",
            variant=ActionVariant.PRIMARY,
            asks=False,
            offered=lambda row: row.paused_at is not None or row.resting_until is not None,
        ),
        RowAction(
            name="disconnect",
            title=_("Disconnect"),
            question=_("Nothing is sent or received through it until it is connected again. The phone stays linked."),
            done=ngettext_lazy("%(count)d sender is disconnecting.", "%(count)d senders are disconnecting.", "count"),
            run=lambda request, row: services.request_disconnect(sender=row, by=request.user),
            icon="link_off",
            variant=ActionVariant.DANGER,
            offered=lambda row: row.wanted,
        ),
        RowAction(
            name="log_out",
            title=_("Log out"),
            question=_("The phone forgets this device. To send through the number again, it must be linked anew."),
            done=ngettext_lazy("%(count)d sender is logging out.", "%(count)d senders are logging out.", "count"),
            run=lambda request, row: services.request_logout(sender=row, by=request.user),
            icon="logout",
            variant=ActionVariant.DANGER,
            offered=lambda row: row.is_linked and not row.logging_out,
        ),
    )
    state = status_column(lambda row: row.status, _("status"), ordering="status")
    held_back = status_column(state_of_sending, _("sending"), tones={"sends": "success", "rests": "warning"})
    since = moment_column("status_at", _("since"))
    next_try = moment_column("next_try_at", _("next try"))
    linked = moment_column("linked_at", _("linked"))
    resting = moment_column("resting_until", _("resting until"))
    paused = moment_column("paused_at", _("paused"))
    held = moment_column("first_contacts_held_until", _("new chats held until"))
    planned = moment_column("planned_until", _("last planned message is due"))
    created = moment_column("created_at", _("created"))

    def other_condition(self, term: str) -> Any:
        return super().other_condition(term) | Q(name__icontains=term)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name in QUOTA_HELP:
            field.help_text = QUOTA_HELP[db_field.name]
        if db_field.name == "provider":
            field.help_text = format_html_join(
                mark_safe("<br>"),
                "<b>{}</b>: {}",
                [(Provider(name).label, text) for name, text in guidance.PROVIDERS.items()],
            )
        return field

    def prepare_rows(self, rows: list[Any]) -> None:
        use = queries.quota_use_of(rows)
        for row in rows:
            row.use = use[row.pk]

    @display(description=_("sent today"))
    def today(self, row: Any) -> str:
        return use_of(row.use[-1])

    @display(description=_("used"))
    def use(self, row: Sender) -> str:
        periods = queries.quota_use_of([row])[row.pk]
        return pairs({str(each.label): use_of(each) for each in periods})

    @display(description=_("what to do"))
    def to_do(self, row: Sender) -> str:
        return guidance.what_to_do(row)

    @display(description=_("health"))
    def health_now(self, row: Sender) -> str:
        return _g("%(health)s of 100") % {"health": health.of(row)}

    @display(description=_("failures in a row"))
    def failures(self, row: Sender) -> int:
        return row.consecutive_failures

    def add_row(self, request: Any, values: dict[str, Any]) -> Sender:
        return services.create_sender(by=request.user, **values)

    def change_row(self, request: Any, row: Sender, changes: dict[str, Any]) -> None:
        services.change_sender(sender=row, by=request.user, **changes)


@admin.register(SenderUsage)
class SenderUsageAdmin(OrganizationAdmin):
    area = "senders"
    organization_path = "sender__organization"
    list_display = ("sender", "minute_used", "minute", "hour_used", "hour", "day_used", "day")
    search_fields = ("sender__name",)
    search_help_text = _("By name of the sender.")
    list_select_related = ("sender",)
    ordering = ("sender",)
    fieldsets = (
        (None, {"fields": ("sender",)}),
        (_("Minute"), {"fields": ("minute_used", "minute")}),
        (_("Hour"), {"fields": ("hour_used", "hour")}),
        (_("Day"), {"fields": ("day_used", "day")}),
    )
    minute = moment_column("minute_starts_at", _("in the minute from"), ordering=False)
    hour = moment_column("hour_starts_at", _("in the hour from"), ordering=False)
    day = moment_column("day_starts_at", _("in the day from"), ordering=False)


@admin.register(NumberCheck)
class NumberCheckAdmin(LongListMixin, PhoneSearchMixin, OrganizationAdmin):
    area = "senders"
    list_display = ("phone_number", "answer", "sender", "checked")
    list_filter = ("exists", ("sender", RelatedFilter))
    search_help_text = _("By phone number (whole, or how it begins).")
    list_select_related = ("sender",)
    fieldsets = ((None, {"fields": ("phone_number", "answer", "lid", "sender", "organization", "checked")}),)
    checked = moment_column("checked_at", _("checked"), ordering=False)

    @display(description=_("on WhatsApp"))
    def answer(self, row: NumberCheck) -> str:
        return {True: _g("Yes"), False: _g("No"), None: _g("No answer")}[row.exists]
