"""Batches and messages in the admin: a ledger to look things up in, with the batches' brakes."""

from functools import partial
from typing import Any

from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import ValidationError
from django.template.loader import render_to_string
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.admin_actions import RowAction
from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import (
    EMPTY,
    LongListMixin,
    RelatedFilter,
    StatusFilter,
    moment_column,
    pairs,
    status_column,
)
from accounts.services import record
from accounts.statuses import look_of
from contacts.admin_phone import PhoneSearchMixin
from messaging import (
    admin_broadcasts,
    admin_media,
    admin_opt_outs,
    admin_replies,
    admin_templates,
    admin_variants,
    counts,
    queries,
    services,
    shown,
    tasks,
)
from messaging.models import Batch, BatchCount, BatchStatus, Message, MessageStatus, SkipReason

__all__ = [
    "admin_broadcasts",
    "admin_media",
    "admin_opt_outs",
    "admin_replies",
    "admin_templates",
    "admin_variants",
]  # whose admins are registered with it

LEFT = ("sent", "delivered", "read")
ENDED = (*LEFT, "failed", "unknown", "cancelled", "skipped")


def progress_column(figures: dict[str, Any]) -> str:
    """`412 of 925`: messages that need nothing more from us, of all."""
    done = sum(_number(figures, name) for name in ENDED)
    return _g("%(done)s of %(total)s") % {"done": intcomma(done), "total": intcomma(figures["total"])}


def failed_column(figures: dict[str, Any]) -> str:
    failed = figures["failed"] + figures["unknown"]
    return intcomma(failed) if failed else EMPTY


def figures_table(figures: dict[str, Any]) -> str:
    """Every status that has messages, with its number, and why messages were skipped."""
    named = {str(look_of(name).word): intcomma(_number(figures, name)) for name in _STATUSES if _number(figures, name)}
    reasons = {
        _g("Skipped: %(reason)s") % {"reason": SkipReason(reason).label}: intcomma(number)
        for reason, number in figures["skipped"].items()
    }
    return pairs({_g("In all"): intcomma(figures["total"]), **named, **reasons})


_STATUSES = tuple(str(status.label) for status in MessageStatus if status != MessageStatus.RECEIVED)


def _number(figures: dict[str, Any], name: str) -> int:
    number = figures[name]
    return sum(number.values()) if isinstance(number, dict) else number


def figures_of(batch_ids: list[int]) -> dict[int, dict[str, Any]]:
    """`queries.stats_of` for each of them, in one query."""
    return {batch_id: queries.stats_of(found) for batch_id, found in counts.of_batches(batch_ids).items()}


# -- What can be done to a batch --


def _check_approval(row: Batch) -> None:
    """A batch knows nothing of its campaign's approval: there it is asked for."""
    if row.origin == Batch.Origin.CAMPAIGN and row.organization.campaigns_need_approval:
        raise services.NotAllowed(_g("Campaigns of this organization need approval: do it on the campaign's page."))


def _start(request: Any, row: Batch) -> None:
    _check_approval(row)
    services.start_batch(batch=row)
    _record(request, row, "started")
    tasks.plan.delay_on_commit()


def _pause(request: Any, row: Batch) -> None:
    services.pause_batch(batch=row)
    _record(request, row, "paused")


def _resume(request: Any, row: Batch) -> None:
    _check_approval(row)
    services.resume_batch(batch=row)
    _record(request, row, "resumed")
    tasks.plan.delay_on_commit()


def _cancel(request: Any, row: Batch) -> None:
    services.cancel_batch(batch=row)
    _record(request, row, "cancelled")


def _record(request: Any, row: Batch, what: str) -> None:
    """These services do not know who asked."""
    record(organization=row.organization, by=request.user, action=f"batch.{what}", target=str(row))


@admin.register(Batch)
class BatchAdmin(OrganizationAdmin):
    area = "campaigns"
    refusals = (ValidationError, services.NotAllowed)
    list_display = ("__str__", "state", "progress", "failed", "status_reason", "created", "started", "finished")
    list_filter = (("status", ChoicesDropdownFilter), ("origin", ChoicesDropdownFilter), ("senders", RelatedFilter))
    search_fields = ("=id", "text")
    search_help_text = _("By number, or by words of the text.")
    date_hierarchy = "created_at"
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("state", "status_reason", "organization", "origin", "purpose", "message_text")}),
        (_("Figures"), {"fields": ("figures",)}),
        (_("Pace"), {"fields": ("senders", "delay", "typing", "priority", "windows", "recipient_time", "timezone")}),
        (_("History"), {"fields": ("created", "started", "finished")}),
    )
    row_actions = (
        RowAction(
            name="start",
            title=_("Start sending"),
            question=_("Messages go out from now on, as fast as the senders' limits allow."),
            done=ngettext_lazy("%(count)d batch started.", "%(count)d batches started.", "count"),
            run=_start,
            icon="play_arrow",
            variant=ActionVariant.PRIMARY,
            offered=lambda row: row.status == BatchStatus.READY,
        ),
        RowAction(
            name="pause",
            title=_("Pause"),
            question=_("Nothing more is sent until it is resumed. What has left has left."),
            done=ngettext_lazy("%(count)d batch paused.", "%(count)d batches paused.", "count"),
            run=_pause,
            icon="pause",
            asks=False,
            offered=lambda row: row.status == BatchStatus.RUNNING,
        ),
        RowAction(
            name="resume",
            title=_("Resume"),
            question=_("Sending goes on where it stopped."),
            done=ngettext_lazy("%(count)d batch resumed.", "%(count)d batches resumed.", "count"),
            run=_resume,
            icon="play_arrow",
            variant=ActionVariant.PRIMARY,
            asks=False,
            offered=lambda row: row.status == BatchStatus.PAUSED,
        ),
        RowAction(
            name="cancel",
            title=_("Cancel for good"),
            question=_("Whatever has not left yet never will. It cannot be undone: to stop for a while, pause."),
            done=ngettext_lazy("%(count)d batch cancelled.", "%(count)d batches cancelled.", "count"),
            run=_cancel,
            icon="cancel",
            variant=ActionVariant.DANGER,
            offered=lambda row: row.status in (BatchStatus.READY, BatchStatus.RUNNING, BatchStatus.PAUSED),
        ),
    )
    state = status_column(lambda row: row.status, _("status"), ordering="status")
    created = moment_column("created_at", _("created"))
    started = moment_column("started_at", _("started"))
    finished = moment_column("finished_at", _("finished"))

    def prepare_rows(self, rows: list[Any]) -> None:
        figures = figures_of([row.pk for row in rows])
        for row in rows:
            row.figures = figures[row.pk]

    @display(description=_("done"))
    def progress(self, row: Any) -> str:
        return progress_column(row.figures)

    @display(description=_("failed or unknown"))
    def failed(self, row: Any) -> str:
        return failed_column(row.figures)

    @display(description=_("messages by status"))
    def figures(self, row: Batch) -> str:
        return figures_table(figures_of([row.pk])[row.pk])

    @display(description=_("delay between messages"))
    def delay(self, row: Batch) -> str:
        return _g("%(shortest)s to %(longest)s seconds") % {
            "shortest": f"{row.min_delay_ms / 1000:g}",
            "longest": f"{row.max_delay_ms / 1000:g}",
        }

    @display(description=_("text"))
    def message_text(self, row: Batch) -> str:
        return bubble(row.text)


def bubble(text: str) -> str:
    """A text as the person sees it."""
    return render_to_string("admin/message_bubble.html", {"text": text}) if text else EMPTY


@admin.register(BatchCount)
class BatchCountAdmin(OrganizationAdmin):
    area = "campaigns"
    organization_path = "batch__organization"
    list_display = ("batch", "shard", "state", "skip_reason", "count")
    list_filter = (type("CountStatusFilter", (StatusFilter,), {"statuses": MessageStatus}),)
    search_fields = ("=batch__id",)
    search_help_text = _("By the number of the batch.")
    list_select_related = ("batch",)
    ordering = ("-batch", "status", "shard")
    fieldsets = ((None, {"fields": ("batch", "state", "skip_reason", "shard", "count")}),)
    state = status_column(lambda row: str(MessageStatus(row.status).label), _("status"), ordering="status")


class MessageStatusFilter(StatusFilter):
    statuses = MessageStatus


def _retry(request: Any, row: Message) -> None:
    if not services.retry_dead_letters(organization=row.organization, message_ids=[row.pk]):
        raise services.NotAllowed(_g("Only a message that ran out of tries can be tried again, and only once."))
    _record_message(request, row, "retried")


def _settle(request: Any, row: Message, *, arrived: bool) -> None:
    services.settle_unknown(message=row, arrived=arrived)
    _record_message(request, row, "settled_as_arrived" if arrived else "settled_as_lost")


def _record_message(request: Any, row: Message, what: str) -> None:
    record(organization=row.organization, by=request.user, action=f"message.{what}", target=f"#{row.pk}")


@admin.register(Message)
class MessageAdmin(LongListMixin, PhoneSearchMixin, OrganizationAdmin):
    area = "messages"
    refusals = (ValidationError, services.NotAllowed)
    list_display = ("person", "state", "way", "kind_name", "beginning", "sender", "batch", "created", "reason")
    list_filter = (
        MessageStatusFilter,
        "exhausted",
        ("direction", ChoicesDropdownFilter),
        ("kind", ChoicesDropdownFilter),
        ("sender", RelatedFilter),
    )
    search_help_text = _("By phone number (whole, or how it begins) or WhatsApp id.")
    list_select_related = ("sender", "batch", "group", "media")
    exact_search_fields = ("whatsapp_id",)
    fieldsets = (
        (None, {"fields": ("state", "reason", "person", "way", "kind_name", "message_text", "former_texts")}),
        (_("Belongs to"), {"fields": ("organization", "batch", "sender", "group", "filled_in")}),
        (
            _("Timeline"),
            {
                "fields": (
                    "created",
                    "queued",
                    "due",
                    "leased",
                    "sent",
                    "delivered",
                    "read_moment",
                    "ended",
                    "edited",
                    "deleted",
                ),
                "description": _("Each moment is when we learned of it."),
            },
        ),
        (
            _("For support"),
            {
                "classes": ("collapse",),
                "fields": (
                    "id",
                    "whatsapp_id",
                    "lid",
                    "media",
                    "idempotency_key",
                    "attempts",
                    "exhausted",
                    "retried",
                    "typing_ms",
                    "keeps_id",
                    "lease_epoch",
                    "priority",
                ),
            },
        ),
    )
    row_actions = (
        RowAction(
            name="retry",
            title=_("Try again"),
            question=_("The same sender tries it again, under the same id: a phone that has it drops the repeat."),
            done=ngettext_lazy("%(count)d message is tried again.", "%(count)d messages are tried again.", "count"),
            run=_retry,
            icon="refresh",
            variant=ActionVariant.PRIMARY,
            offered=lambda row: row.exhausted and row.retried_at is None,
        ),
        RowAction(
            name="arrived",
            title=_("It arrived"),
            question=_("You looked at the phone, and the message is there. It then counts as sent."),
            done=ngettext_lazy("%(count)d message counts as sent.", "%(count)d messages count as sent.", "count"),
            run=partial(_settle, arrived=True),
            icon="done",
            offered=lambda row: row.status == MessageStatus.UNKNOWN,
        ),
        RowAction(
            name="lost",
            title=_("It never arrived"),
            question=_("You looked at the phone, and the message is not there. It then counts as failed."),
            done=ngettext_lazy("%(count)d message counts as failed.", "%(count)d messages count as failed.", "count"),
            run=partial(_settle, arrived=False),
            icon="close",
            offered=lambda row: row.status == MessageStatus.UNKNOWN,
        ),
    )
    state = status_column(lambda row: str(MessageStatus(row.status).label), _("status"))
    created = moment_column("created_at", _("created"), ordering=False)
    queued = moment_column("queued_at", _("queued"), ordering=False)
    due = moment_column("due_at", _("due"), ordering=False)
    leased = moment_column("leased_at", _("handed to a worker"), ordering=False)
    sent = moment_column("sent_at", _("sent"), ordering=False)
    delivered = moment_column("delivered_at", _("delivered"), ordering=False)
    read_moment = moment_column("read_at", _("read"), ordering=False)
    retried = moment_column("retried_at", _("retried by hand"), ordering=False)
    ended = moment_column("ended_at", _("failed, skipped or cancelled"), ordering=False)

    edited = moment_column("edited_at", _("edited"), ordering=False)
    deleted = moment_column("deleted_at", _("deleted by who wrote it"), ordering=False)

    @display(description=_("person"))
    def person(self, row: Message) -> str:
        return row.whom

    @display(description=_("kind"))
    def kind_name(self, row: Message) -> str:
        return row.get_kind_display()

    @display(description=_("direction"))
    def way(self, row: Message) -> str:
        return row.get_direction_display()

    @display(description=_("text"))
    def beginning(self, row: Message) -> str:
        seen = shown.shown(row)
        return " ".join((seen.text or seen.title).split())[:40] or EMPTY

    @display(description=_("former texts"))
    def former_texts(self, row: Message) -> str:
        """Of a message that was edited, the oldest first."""
        return " → ".join(former["text"] for former in row.content.get("history", [])) or EMPTY

    @display(description=_("reason"))
    def reason(self, row: Message) -> str:
        """Why it was skipped or failed."""
        if row.skip_reason:
            return row.get_skip_reason_display()
        return " ".join(filter(None, [row.error, f"({row.error_code})" if row.error_code else ""])) or EMPTY

    @display(description=_("text"))
    def message_text(self, row: Message) -> str:
        is_incoming = row.direction == Message.Direction.IN
        file_url = admin_media.file_url(row.media_id) if row.media_id is not None else ""
        context = {"message": row, "is_incoming": is_incoming, "file_url": file_url}
        return render_to_string("admin/message_bubble.html", context)

    @display(description=_("filled in"))
    def filled_in(self, row: Message) -> str:
        return pairs(row.variables)
