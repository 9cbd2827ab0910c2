"""Organizations, who belongs to them, API keys and the audit log, in the admin."""

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.timezone import now
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminEmailInputWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from accounts import services, tasks
from accounts.admin_actions import RowAction
from accounts.admin_base import InstallationAdmin, OrganizationAdmin, ReadOnlyInline
from accounts.admin_lists import LongListMixin, moment_column, name_column, pairs, status_column
from accounts.forms import ApiKeyForm, region_choices, time_zone_choices, with_present
from accounts.models import ApiKey, AuditEntry, Membership, Organization, Role, User
from accounts.permissions import CAPABILITIES, INSTALLATION_WIDE

OWNER_HELP = _("Needs an account already. More people can be invited afterwards.")


class OrganizationForm(forms.ModelForm):
    owner_email = forms.EmailField(
        label=_("Owner's email address"), required=False, widget=UnfoldAdminEmailInputWidget, help_text=OWNER_HELP
    )

    def clean_owner_email(self) -> str:
        email: str = self.cleaned_data["owner_email"]
        if email and not User.objects.filter(email__iexact=email, is_active=True).exists():
            raise ValidationError(_("There is no active account with this address."))
        return email


class MembershipInline(ReadOnlyInline):
    model = Membership
    fields = ("member", "role", "since")
    readonly_fields = fields
    member = name_column("user", _("member"))
    verbose_name_plural = _("members")

    @display(description=_("since"))
    def since(self, row: Membership) -> str:
        return f"{row.created_at:%Y-%m-%d}"

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("user").order_by("user__email")


@admin.register(Organization)
class OrganizationsAdmin(OrganizationAdmin):
    area = "organization"
    organization_path = ""
    list_display = ("name", "slug", "timezone", "default_region", "created")
    search_fields = ("name", "slug")
    search_help_text = _("By name or short name.")
    ordering = ("name",)
    editable_on_add = ("name", "slug", "timezone", "default_region", "owner_email")
    editable_on_change = (
        "name",
        "timezone",
        "default_region",
        "accent_colour",
        "link_address",
        "cap_messages",
        "cap_days",
        "recent_days",
    )
    add_form = OrganizationForm
    add_fieldsets = (
        (None, {"fields": ("name", "slug", "owner_email")}),
        (_("Place"), {"fields": ("timezone", "default_region")}),
    )
    fieldsets = (
        (None, {"fields": ("name", "slug", "accent_colour", "link_address")}),
        (
            _("Place"),
            {
                "fields": ("timezone", "default_region"),
                "description": _("Times on pages, daily quotas and sending windows are in this time zone."),
            },
        ),
        (_("Not too often"), {"fields": ("cap_messages", "cap_days", "recent_days")}),
        (_("History"), {"fields": ("created",)}),
    )
    inlines = (MembershipInline,)
    created = moment_column("created_at", _("created"))

    def has_add_permission(self, request: Any) -> bool:
        return bool(request.user.is_superuser)

    def get_form(self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        fields = form.base_fields
        if "slug" in fields:
            fields["slug"].required = False
            fields["slug"].help_text = _("Part of every address. Leave empty to make one from the name.")
        if "timezone" in fields:
            present = obj.timezone if obj is not None else ""  # it may be an old alias that the list leaves out
            choices = with_present(time_zone_choices(), present)
            fields["timezone"].widget = UnfoldAdminSelectWidget(choices=choices)
            fields["default_region"].widget = UnfoldAdminSelectWidget(choices=region_choices())
        return form

    def add_row(self, request: Any, values: dict[str, Any]) -> Organization:
        email = values["owner_email"]
        return services.create_organization(
            name=values["name"],
            slug=values["slug"],
            owner=User.objects.get(email__iexact=email) if email else None,
            time_zone=values["timezone"],
            default_region=values["default_region"],
            by=request.user,
        )

    def change_row(self, request: Any, row: Organization, changes: dict[str, Any]) -> None:
        services.change_organization(organization=row, by=request.user, **changes)


def _send_password_link(request: Any, row: User) -> None:
    tasks.send_password_reset.delay_on_commit(row.pk)


@admin.register(User)
class UserAdmin(InstallationAdmin):
    list_display = ("email", "name", "state", "is_staff", "is_superuser", "last_seen")
    list_filter = ("is_active", "is_staff", "is_superuser")
    search_fields = ("email", "name")
    search_help_text = _("By email address or name.")
    ordering = ("email",)
    editable_on_add = ("email", "name", "is_staff", "is_superuser")
    editable_on_change = ("name", "is_active", "is_staff", "is_superuser")
    add_fieldsets = (
        (
            None,
            {
                "fields": ("email", "name"),
                "description": _("A mail with a link to choose a password is sent to this address."),
            },
        ),
        (_("Rights"), {"fields": ("is_staff", "is_superuser")}),
    )
    fieldsets = (
        (None, {"fields": ("email", "name", "is_active")}),
        (
            _("Rights"),
            {
                "fields": ("is_staff", "is_superuser"),
                "description": _("What somebody may do in an organization is decided by the role there."),
            },
        ),
        (_("History"), {"fields": ("created", "last_seen")}),
    )
    row_actions = (
        RowAction(
            name="password_link",
            title=_("Send password link"),
            question=_("A mail with a link to choose a new password is sent. The present password works until then."),
            done=ngettext_lazy("%(count)d mail is on its way.", "%(count)d mails are on their way.", "count"),
            run=_send_password_link,
            icon="mail",
            offered=lambda row: row.is_active,
        ),
    )
    state = status_column(lambda row: "active" if row.is_active else "switched_off", _("account"))
    created = moment_column("created_at", _("created"))
    last_seen = moment_column("last_login", _("last sign-in"))

    def get_readonly_fields(self, request: Any, obj: Any = None) -> list[str]:
        """Nobody takes the admin away from himself by accident."""
        own = ["is_active", "is_staff", "is_superuser"] if obj is not None and obj == request.user else []
        return [*super().get_readonly_fields(request, obj), *own]

    def add_row(self, request: Any, values: dict[str, Any]) -> User:
        user = User.objects.create_user(**values)
        tasks.send_password_reset.delay_on_commit(user.pk)
        return user

    def change_row(self, request: Any, row: User, changes: dict[str, Any]) -> None:
        for field, value in changes.items():
            setattr(row, field, value)
        row.save(update_fields=list(changes))


class InvitationForm(forms.ModelForm):
    email = forms.EmailField(label=_("Email address"), widget=UnfoldAdminEmailInputWidget)
    name = forms.CharField(
        label=_("Name"),
        required=False,
        max_length=120,
        widget=UnfoldAdminTextInputWidget,
        help_text=_("Used only where there is no account with this address yet."),
    )


@admin.register(Membership)
class MembershipAdmin(OrganizationAdmin):
    area = "organization"
    list_display = ("member", "role_name", "since")
    list_filter = ("role",)
    search_fields = ("user__email", "user__name")
    search_help_text = _("By email address or name of the member.")
    list_select_related = ("user",)
    ordering = ("-id",)
    editable_on_add = ("organization", "email", "name", "role")
    editable_on_change = ("role",)
    add_form = InvitationForm
    add_fieldsets = (
        (
            None,
            {
                "fields": ("organization", "email", "name", "role"),
                "description": _("The person is invited by mail, with a link to choose a password where needed."),
            },
        ),
    )
    fieldsets = ((None, {"fields": ("member", "organization", "role", "since")}),)
    row_actions = (
        RowAction(
            name="remove",
            title=_("Remove from organization"),
            question=_("The person can no longer open this organization. What he or she did stays as it is."),
            done=ngettext_lazy("%(count)d member removed.", "%(count)d members removed.", "count"),
            run=lambda request, row: services.remove_member(membership=row, by=request.user),
            icon="person_remove",
            variant=ActionVariant.DANGER,
        ),
    )
    member = name_column("user", _("member"))
    since = moment_column("created_at", _("since"))
    role_name = status_column(
        lambda row: row.role,
        _("role"),
        ordering="role",
        word=lambda row: row.get_role_display(),
        tones={Role.OWNER: "success", Role.ADMIN: "info"},
    )

    def add_row(self, request: Any, values: dict[str, Any]) -> Membership:
        membership = services.invite_member(by=request.user, **values)
        tasks.send_invitation.delay_on_commit(membership.pk, request.user.pk)
        return membership

    def change_row(self, request: Any, row: Membership, changes: dict[str, Any]) -> None:
        if changes:
            services.change_role(membership=row, role=changes["role"], by=request.user)


class NewApiKeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        label=_("What it may do"),
        choices=list(CAPABILITIES.items()),
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        initial=[scope for scope in CAPABILITIES if scope not in INSTALLATION_WIDE],
    )
    expires = forms.ChoiceField(
        label=_("Expires"), choices=ApiKeyForm.EXPIRIES, required=False, widget=UnfoldAdminSelectWidget
    )


def state_of_key(key: ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.expires_at is not None and key.expires_at <= now() else "active"


@admin.register(ApiKey)
class ApiKeyAdmin(OrganizationAdmin):
    """The key itself is in the answer to the request that made it, and kept nowhere: not even for a redirect."""

    area = "organization"
    list_display = ("name", "state", "prefix", "maker", "created", "last_used", "expires_on")
    list_filter = (("revoked_at", admin.EmptyFieldListFilter),)
    search_fields = ("name", "prefix")
    search_help_text = _("By name, or by how the key begins.")
    list_select_related = ("created_by",)
    ordering = ("-id",)
    editable_on_add = ("organization", "name", "scopes", "expires", "requests_per_minute")
    add_form = NewApiKeyForm
    add_fieldsets = (
        (None, {"fields": ("organization", "name")}),
        (_("Limits"), {"fields": ("scopes", "expires", "requests_per_minute")}),
    )
    fieldsets = (
        (None, {"fields": ("name", "state", "organization", "prefix")}),
        (_("Limits"), {"fields": ("may", "expires_on", "requests_per_minute")}),
        (_("History"), {"fields": ("maker", "created", "last_used", "revoked")}),
    )
    row_actions = (
        RowAction(
            name="revoke",
            title=_("Revoke"),
            question=_("Programs that use this key are refused from now on. It cannot be undone."),
            done=ngettext_lazy("%(count)d key revoked.", "%(count)d keys revoked.", "count"),
            run=lambda request, row: services.revoke_api_key(key=row, by=request.user),
            icon="block",
            variant=ActionVariant.DANGER,
            offered=lambda row: row.revoked_at is None,
        ),
    )
    state = status_column(state_of_key, _("status"))
    maker = name_column("created_by", _("made by"))
    created = moment_column("created_at", _("created"))
    last_used = moment_column("last_used_at", _("last used"))
    expires_on = moment_column("expires_at", _("expires"))
    revoked = moment_column("revoked_at", _("revoked"))

    @display(description=_("what it may do"))
    def may(self, row: ApiKey) -> str:
        return "\n".join(str(CAPABILITIES.get(scope, scope)) for scope in row.scopes)

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """With one button: the answer is a page that must be read before anything else."""
        one_button = {"show_save_and_continue": False, "show_save_and_add_another": False}
        return super().add_view(request, form_url, {**one_button, **(extra_context or {})})

    def add_row(self, request: Any, values: dict[str, Any]) -> ApiKey:
        days = values["expires"]
        key, request.plain_api_key = services.create_api_key(
            organization=values["organization"],
            name=values["name"],
            scopes=values["scopes"],
            expires_at=now() + timedelta(days=int(days)) if days else None,
            requests_per_minute=values["requests_per_minute"],
            by=request.user,
        )
        return key

    def response_add(self, request: Any, obj: ApiKey, post_url_continue: str | None = None) -> HttpResponse:
        messages.success(request, _g("The key “%(name)s” is made.") % {"name": obj.name})
        context = {
            **self.admin_site.each_context(request),
            "title": _g("Copy the key now"),
            "opts": self.opts,
            "key": obj,
            "plain": request.plain_api_key,
        }
        return TemplateResponse(request, "admin/api_key_created.html", context)


@admin.register(AuditEntry)
class AuditEntryAdmin(LongListMixin, OrganizationAdmin):
    area = "organization"
    list_display = ("when", "who", "action", "target")
    search_fields = ("action", "target", "user__email")
    search_help_text = _("By action, by what it was done to, or by the person's email address.")
    list_select_related = ("user", "api_key")
    date_hierarchy = "at"
    fieldsets = ((None, {"fields": ("when", "who", "organization", "action", "target", "details")}),)
    when = moment_column("at", _("when"), ordering=False)

    @display(description=_("who"))
    def who(self, row: AuditEntry) -> str:
        return str(row.user or row.api_key or _g("The system itself"))

    @display(description=_("details"))
    def details(self, row: AuditEntry) -> Any:
        return pairs(row.detail)
