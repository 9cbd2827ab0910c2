"""Who may do what: users, organizations, memberships, API keys, and the log of what was done."""

from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils.functional import cached_property
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from accounts.fields import PhoneRegionField, TimeZoneField, validate_link_address


class UserManager(BaseUserManager["User"]):
    """Creates users by email address; addresses are compared without regard to case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)

    def create_user(self, *, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, *, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email=email, password=password, is_staff=True, is_superuser=True, **fields)


class User(AbstractBaseUser, PermissionsMixin):
    """A person who signs in with an email address."""

    email = models.EmailField(_("email address"), unique=True)
    name = models.CharField(_("name"), max_length=120, blank=True)
    is_active = models.BooleanField(_("active"), default=True, help_text=_("Switch off instead of deleting."))
    is_staff = models.BooleanField(_("may use the admin"), default=False)
    created_at = models.DateTimeField(default=now, editable=False)

    objects = UserManager()
    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [models.UniqueConstraint(Lower("email"), name="user_email_without_case")]

    def __str__(self) -> str:
        return self.name or self.email

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name.split(" ")[0] if self.name else self.email.partition("@")[0]


class OrganizationQuerySet(models.QuerySet[Any]):
    """The one way to restrict rows to a tenant: every model with an `organization` uses it as its manager."""

    def for_organization(self, organization: "Organization | int") -> Self:
        return self.filter(organization=organization)


class Organization(models.Model):
    """The tenant. Every other row belongs to exactly one."""

    name = models.CharField(_("name"), max_length=120)
    slug = models.SlugField(_("short name"), unique=True, help_text=_("Used in addresses: letters, digits, hyphens."))
    timezone = TimeZoneField(_("time zone"), default="UTC")
    default_region = PhoneRegionField(
        _("default phone region"), default="ID", help_text=_("Numbers written without a country code belong here.")
    )
    accent_colour = models.CharField(
        _("accent colour"),
        max_length=7,
        blank=True,
        validators=[RegexValidator(r"^#[0-9a-fA-F]{6}$", _("Write the colour as #rrggbb."))],
    )
    link_address = models.CharField(
        _("address of short links"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        validators=[validate_link_address],
        help_text=_(
            "Such as https://go.example.com, a name of your own that leads to this server. Empty: the server's."
        ),
    )
    cap_messages = models.PositiveSmallIntegerField(
        _("campaign messages a person"), null=True, blank=True, help_text=_("At most so many …")
    )
    cap_days = models.PositiveSmallIntegerField(
        _("in days"), null=True, blank=True, help_text=_("… in so many days, over all campaigns. Empty: no limit.")
    )
    campaigns_need_approval = models.BooleanField(
        _("campaigns need approval"),
        default=False,
        db_default=False,
        help_text=_("An owner or an admin approves a campaign before it starts or is given a time."),
    )
    recent_days = models.PositiveSmallIntegerField(
        _("messaged lately means (days)"),
        default=3,
        db_default=3,
        help_text=_("A campaign's check counts people who got a message in so many days. 0: it does not count them."),
    )
    created_at = models.DateTimeField(default=now, editable=False)

    class Meta:
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What a member may do; `accounts.permissions` says exactly what."""

    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Admin")
    MARKETER = "marketer", _("Marketer")
    AGENT = "agent", _("Agent")
    VIEWER = "viewer", _("Viewer")


class Membership(models.Model):
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=10, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [models.UniqueConstraint(fields=["user", "organization"], name="one_membership_each")]

    def __str__(self) -> str:
        return f"{self.user} · {self.organization} · {self.get_role_display()}"

    @cached_property
    def runs_the_installation(self) -> bool:
        """Whether this person may do what concerns all organizations: a superuser; and who manages an organization
        that is the only one."""
        if self.user_id is not None and self.user.is_superuser:
            return True
        manages = self.role in (Role.OWNER, Role.ADMIN)
        return manages and not Organization.objects.exclude(pk=self.organization_id).exists()


class ApiKey(models.Model):
    """A key for programs. Only its SHA-256 is kept: the key itself is shown once, when it is made."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="api_keys")
    name = models.CharField(_("name"), max_length=80)
    prefix = models.CharField(_("begins with"), max_length=12, editable=False)
    key_hash = models.CharField(max_length=64, unique=True, editable=False)
    scopes = models.JSONField(_("scopes"), default=list, help_text=_("Capabilities such as campaigns.manage."))
    requests_per_minute = models.PositiveIntegerField(_("requests a minute"), null=True, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("API key")
        verbose_name_plural = _("API keys")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.name} ({self.prefix}…)"

    @property
    def is_usable(self) -> bool:
        expired = self.expires_at is not None and self.expires_at <= now()
        return self.revoked_at is None and not expired


class AuditEntry(models.Model):
    """One thing that somebody did, for people who must find out later. Never changed, never deleted by itself."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="audit_entries")
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True)
    api_key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, blank=True)
    action = models.CharField(_("action"), max_length=60)
    target = models.CharField(_("of what"), max_length=200, blank=True)
    detail = models.JSONField(_("detail"), default=dict, blank=True)
    at = models.DateTimeField(_("at"), default=now)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit log")
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["organization", "-at"], name="audit_log_page")]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.action} {self.target}"
