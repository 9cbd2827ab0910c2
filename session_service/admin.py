"""Who holds which session, in the admin. Read-only: the workers write these rows."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _
from unfold.decorators import display

from accounts.admin_base import InstallationAdmin, OrganizationAdmin
from accounts.admin_lists import moment_column, name_column, pairs, status_column
from session_service import registry
from session_service.auth_state.encryption import cipher
from session_service.models import AuthCredentials, AuthKey, SessionLease, SessionWorker


@admin.register(SessionWorker)
class SessionWorkerAdmin(InstallationAdmin):
    list_display = (
        *("name", "state", "held", "capacity", "processor", "memory", "messages_a_minute"),
        *("started", "heartbeat", "stopped"),
    )
    list_filter = (("stopped_at", admin.EmptyFieldListFilter), "draining")
    search_fields = ("name",)
    search_help_text = _("By host and process id.")
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("name", "state", "draining")}),
        (_("Sessions"), {"fields": ("held", "connected", "capacity")}),
        (_("As of the last heartbeat"), {"fields": ("processor", "memory", "messages_a_minute")}),
        (_("Circuit breakers"), {"fields": ("endpoints",)}),
        (_("History"), {"fields": ("started", "heartbeat", "stopped")}),
    )
    state = status_column(
        registry.state_of,
        _("status"),
        tones={
            "alive": "success",
            "draining": "warning",
            "drained": "neutral",
            "lost": "danger",
            "stopped": "neutral",
        },
    )
    started = moment_column("started_at", _("started"), ordering=False)
    heartbeat = moment_column("heartbeat_at", _("last heartbeat"), ordering=False)
    stopped = moment_column("stopped_at", _("stopped"), ordering=False)

    def get_queryset(self, request: HttpRequest) -> Any:
        return registry.with_sessions(super().get_queryset(request))

    @display(description=_("endpoints"))
    def endpoints(self, row: SessionWorker) -> str:
        return pairs(row.breakers)

    @display(description=_("sessions held"))
    def held(self, row: Any) -> int:
        return int(row.sessions)

    @display(description=_("CPU"))
    def processor(self, row: SessionWorker) -> str:
        return _("%(percent)s %% of a core") % {"percent": round(row.cpu_percent)}

    @display(description=_("memory"))
    def memory(self, row: SessionWorker) -> str:
        return filesizeformat(row.memory_bytes)


@admin.register(SessionLease)
class SessionLeaseAdmin(OrganizationAdmin):
    area = "senders"
    organization_path = "sender__organization"
    list_display = ("sender", "state", "holder", "expires")
    search_fields = ("sender__name", "sender__phone_number")
    search_help_text = _("By name or number of the sender.")
    list_select_related = ("sender", "worker")
    ordering = ("-expires_at",)
    fieldsets = ((None, {"fields": ("sender", "state", "holder", "expires", "epoch")}),)
    state = status_column(
        lambda row: "held" if row.worker_id and row.expires_at > now() else "free",
        _("status"),
        tones={"held": "success", "free": "neutral"},
    )
    holder = name_column("worker", _("worker"))
    expires = moment_column("expires_at", _("valid until"))


@admin.register(AuthCredentials)
class AuthCredentialsAdmin(OrganizationAdmin):
    """That a sender is linked, never with what."""

    area = "senders"
    organization_path = "sender__organization"
    list_display = ("sender", "state", "saved", "backed_up", "backup_problem")
    search_fields = ("sender__name", "sender__phone_number")
    search_help_text = _("By name or number of the sender.")
    list_select_related = ("sender",)
    ordering = ("-saved_at",)
    fieldsets = (
        (None, {"fields": ("sender", "state", "saved", "signal_keys", "format", "backed_up", "backup_problem")}),
    )
    state = status_column(
        lambda row: "first key" if row.encrypted_with == cipher().mark else "older key",
        _("encrypted with"),
        tones={"first key": "success", "older key": "warning"},
    )
    saved = moment_column("saved_at", _("saved"))
    backed_up = moment_column("backed_up_at", _("last backup"))

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).defer("data")

    @display(description=_("Signal keys"))
    def signal_keys(self, row: AuthCredentials) -> int:
        return AuthKey.objects.filter(sender_id=row.sender_id).count()
