"""Forms of signing in, of one's own account, and of an organization's settings."""

from collections.abc import Iterable
from datetime import timedelta
from functools import cache
from typing import Any, cast
from zoneinfo import available_timezones

import phonenumbers
from django import forms
from django.contrib.auth import authenticate
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts import queries, services
from accounts.models import Membership, Organization, Role, User
from accounts.rate_limits import Limit

WRONG_PASSWORDS = Limit(name="sign_in", tries=5, seconds=15 * 60)  # for one address and one account
WRONG_PASSWORDS_IN_ALL = Limit(name="sign_in_address", tries=50, seconds=15 * 60)  # for one address, any account


class SignInForm(forms.Form):
    email = forms.EmailField(
        label=_("Email address"), widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )
    password = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "current-password"})
    )

    def __init__(self, *args: Any, client_address: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.client_address = client_address
        self.user: User | None = None
        if self.is_bound:  # after a wrong password the cursor waits where it is typed again
            self.fields["email"].widget.attrs.pop("autofocus")
            self.fields["password"].widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        email, password = cleaned.get("email"), cleaned.get("password")
        if not email or not password:
            return cleaned
        limits = ((WRONG_PASSWORDS, (email, self.client_address)), (WRONG_PASSWORDS_IN_ALL, (self.client_address,)))
        seconds = max(limit.take(*who) for limit, who in limits)
        if seconds:
            raise ValidationError(too_many_tries(seconds))
        user = authenticate(username=email, password=password)
        if not isinstance(user, User):
            raise ValidationError(_("This email address and password do not belong together."))
        for limit, who in limits:
            limit.give_back(*who)
        self.user = user
        return cleaned


def too_many_tries(seconds: int) -> str:
    minutes = -(-seconds // 60)
    text = ngettext(
        "Too many tries. Try again in %(minutes)d minute, or set a new password.",
        "Too many tries. Try again in %(minutes)d minutes, or set a new password.",
        minutes,
    )
    return text % {"minutes": minutes}


class ForgottenPasswordForm(forms.Form):
    email = forms.EmailField(
        label=_("Email address"), widget=forms.EmailInput(attrs={"autocomplete": "username", "autofocus": True})
    )


class ProfileForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("name",)
        labels = {"name": _("Your name")}
        help_texts = {"name": _("Your team sees it.")}
        widgets = {"name": forms.TextInput(attrs={"autocomplete": "name"})}


@cache
def time_zone_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Every IANA zone, grouped by its continent."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for zone in sorted(available_timezones()):
        continent, slash, _place = zone.partition("/")
        if slash and continent not in ("Etc", "SystemV", "US"):
            groups.setdefault(continent, []).append((zone, zone.replace("_", " ")))
    return [("UTC", [("UTC", "UTC")]), *groups.items()]


@cache
def region_choices() -> list[tuple[str, str]]:
    """Regions with their calling codes: `ID (+62)`."""
    return [
        (region, f"{region} (+{phonenumbers.country_code_for_region(region)})")
        for region in sorted(phonenumbers.SUPPORTED_REGIONS)
    ]


class OrganizationForm(forms.ModelForm):
    """`accent_colour` is a colour well, which cannot be empty: the tick beside it says whether it counts."""

    own_accent = forms.BooleanField(label=_("Use a colour of our own"), required=False)

    class Meta:
        model = Organization
        fields = (
            "name",
            "timezone",
            "default_region",
            "accent_colour",
            "link_address",
            "recent_days",
            "campaigns_need_approval",
        )
        widgets = {
            "timezone": forms.Select,
            "default_region": forms.Select,
            "link_address": forms.URLInput(attrs={"placeholder": "https://go.example.com"}),
            "accent_colour": forms.TextInput(attrs={"type": "color", "class": "form-control-color"}),
        }
        help_texts = {
            "timezone": _("Times on pages and sending windows are in this zone."),
            "accent_colour": _("Darkened or lightened where needed, so that words on it stay readable."),
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A zone that left the choices (an old alias) stays selectable for whoever has it.
        widget = self.fields["timezone"].widget
        widget.choices = with_present(time_zone_choices(), self.instance.timezone)
        self.fields["default_region"].widget.choices = region_choices()
        self.fields["recent_days"].required = False  # left empty it stays as it is
        self.fields["own_accent"].initial = bool(self.instance.accent_colour)
        if not self.instance.accent_colour:
            self.initial["accent_colour"] = "#0b7a5b"

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("recent_days") is None and "recent_days" not in self.errors:
            cleaned["recent_days"] = self.instance.recent_days
        if not cleaned.get("own_accent"):
            cleaned["accent_colour"] = ""
        return cleaned


def with_present(groups: Iterable[Any], present: str) -> list[Any]:
    known = any(present == value for _group, choices in groups for value, _label in choices)
    return list(groups) if known or not present else [(present, [(present, present)]), *groups]


def role_choices(acting: Membership) -> list[tuple[str, Any]]:
    """Only owners may make owners."""
    return [(role.value, role.label) for role in Role if role != Role.OWNER or acting.role == Role.OWNER]


class InvitationForm(forms.Form):
    email = forms.EmailField(label=_("Email address"))
    role = forms.ChoiceField(label=_("Role"), initial=Role.MARKETER)

    def __init__(self, *args: Any, acting: Membership, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices(acting)  # type: ignore[attr-defined]


class RoleForm(forms.Form):
    role = forms.ChoiceField(choices=Role.choices)


class ApiKeyForm(forms.Form):
    EXPIRIES = [("", _("Never")), ("30", _("In 30 days")), ("90", _("In 90 days")), ("365", _("In a year"))]

    name = forms.CharField(
        label=_("Name"), max_length=80, help_text=_("What the key is for, such as “Shop checkout”.")
    )
    scopes = forms.MultipleChoiceField(label=_("What it may do"), widget=forms.CheckboxSelectMultiple)
    expires = forms.ChoiceField(label=_("Expires"), choices=EXPIRIES, required=False)

    def __init__(self, *args: Any, organization: Organization, by: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization = organization
        choices = services.scopes_for(organization=organization, by=by)
        cast(forms.MultipleChoiceField, self.fields["scopes"]).choices = list(choices.items())

    def clean_name(self) -> str:
        """Sending the form twice (reloading the page that shows the key) must not make a second key."""
        name: str = self.cleaned_data["name"]
        if queries.api_keys_of(self.organization).filter(name=name, revoked_at=None).exists():
            raise ValidationError(_("There is a key with this name. Choose another name, or revoke that key first."))
        return name

    def expires_at(self) -> Any:
        days = self.cleaned_data["expires"]
        return timezone.now() + timedelta(days=int(days)) if days else None
