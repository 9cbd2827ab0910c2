"""The WhatsApp numbers that an organization sends from."""

from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, OrganizationQuerySet


class Provider(models.TextChoices):
    """How a session reaches WhatsApp. `session_service.providers` has a module for each."""

    SIMULATED = "simulated", _("Simulated network (nothing leaves this machine)")
    BAILEYS = "baileys", _("WhatsApp, as a linked device")


class SenderStatus(models.TextChoices):
    """The state of a sender's session, as the session service last saw it."""

    DISCONNECTED = "disconnected", _("Disconnected")  # nobody asked for a session
    CONNECTING = "connecting", _("Connecting")  # asked for; a worker is opening it, or will
    SCAN = "scan", _("Waiting for scan")  # not linked yet; a QR code is shown
    CONNECTED = "connected", _("Connected")  # linked and open: the only state that sends
    RECONNECTING = "reconnecting", _("Reconnecting")  # lost; the next try is at `next_try_at`
    STALLED = "stalled", _("Stalled")  # looks open, but WhatsApp's server acknowledges nothing
    LOGGED_OUT = "logged_out", _("Logged out")  # unlinked on the phone: needs a new QR code
    REPLACED = "replaced", _("Replaced")  # opened elsewhere: two owners would corrupt its keys
    BANNED = "banned", _("Banned")  # refused by WhatsApp


class Sender(models.Model):
    """One WhatsApp number with its wish (`wanted`), state, quotas and pace.

    `wanted` is what staff asked for; `status` is what is. A quota of None means no limit of that kind. What health,
    resting and pausing mean for sending is written in `senders.health`.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="senders")
    name = models.CharField(_("name"), max_length=80)
    provider = models.CharField(_("provider"), max_length=12, choices=Provider.choices, default=Provider.SIMULATED)
    phone_number = models.CharField(
        _("phone number"), max_length=16, blank=True, help_text=_("Filled in when the number is linked.")
    )
    wanted = models.BooleanField(_("should be connected"), default=False)
    status = models.CharField(
        _("status"), max_length=12, choices=SenderStatus.choices, default=SenderStatus.DISCONNECTED
    )
    status_detail = models.CharField(_("detail"), max_length=300, blank=True)
    status_at = models.DateTimeField(_("since"), default=now)
    next_try_at = models.DateTimeField(_("next try"), null=True, blank=True)
    is_linked = models.BooleanField(
        _("linked"), default=False, help_text=_("A phone knows it as a linked device: connecting needs no code.")
    )
    linked_at = models.DateTimeField(_("first linked"), null=True, blank=True)
    pairing_number = models.CharField(
        _("number to pair"),
        max_length=16,
        blank=True,
        help_text=_("Set while it is linked by a pairing code for this number, and not by a QR code."),
    )
    logging_out = models.BooleanField(
        _("should be logged out"), default=False, help_text=_("Its session ends by unlinking it from the phone.")
    )
    quota_per_minute = models.PositiveIntegerField(_("messages a minute"), null=True, blank=True, default=20)
    quota_per_hour = models.PositiveIntegerField(_("messages an hour"), null=True, blank=True, default=400)
    quota_per_day = models.PositiveIntegerField(_("messages a day"), null=True, blank=True, default=1000)
    warm_up_per_day = models.PositiveIntegerField(
        _("warm-up: messages on the first day"),
        null=True,
        blank=True,
        help_text=_("Half as many more on each following day, until the quotas are reached. Empty: no warm-up."),
    )
    health = models.PositiveSmallIntegerField(
        _("health at that moment"), default=100, help_text=_("Of 100. It recovers by a point a minute.")
    )
    health_at = models.DateTimeField(_("moment of the health"), default=now)
    consecutive_failures = models.PositiveIntegerField(_("failures in a row"), default=0)
    resting_until = models.DateTimeField(
        _("resting until"), null=True, blank=True, help_text=_("After several failures in a row it is left alone.")
    )
    paused_at = models.DateTimeField(_("paused"), null=True, blank=True)
    paused_reason = models.CharField(_("paused because"), max_length=300, blank=True)
    first_contacts_held_until = models.DateTimeField(
        _("first contacts held until"),
        null=True,
        blank=True,
        help_text=_("WhatsApp limits new chats. Until then it writes only to people who wrote before."),
    )
    planned_until = models.DateTimeField(
        _("planned until"), null=True, blank=True, help_text=_("When its last planned message is due.")
    )
    created_at = models.DateTimeField(default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("sender")
        verbose_name_plural = _("senders")
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="one_sender_a_name"),
            models.UniqueConstraint(
                fields=["phone_number"],
                condition=~models.Q(phone_number=""),
                name="one_sender_a_number",
                violation_error_message=_("Another sender already uses this number."),
            ),
        ]

    def __str__(self) -> str:
        return self.name


class SenderUsage(models.Model):
    """How many messages a sender leased in the current minute, hour and calendar day of its organization.

    Written in the transaction that leases the messages, so that a quota is spent exactly once. A figure counts
    only while its `..._starts_at` is the start of the present period; see `senders.quota`.
    """

    sender = models.OneToOneField(Sender, on_delete=models.CASCADE, primary_key=True, related_name="usage")
    minute_starts_at = models.DateTimeField(default=now)
    minute_used = models.PositiveIntegerField(default=0)
    hour_starts_at = models.DateTimeField(default=now)
    hour_used = models.PositiveIntegerField(default=0)
    day_starts_at = models.DateTimeField(default=now)
    day_used = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name = _("use of quotas")
        verbose_name_plural = _("use of quotas")

    def __str__(self) -> str:
        return str(self.sender)


class NumberCheck(models.Model):
    """What WhatsApp said of a phone number when a sender asked, at `checked_at`. `exists` is empty while the answer is
    not there, or never came; the question counts all the same."""

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="number_checks", db_index=False
    )
    sender = models.ForeignKey(
        Sender, on_delete=models.SET_NULL, null=True, blank=True, related_name="number_checks", db_index=False
    )
    phone_number = models.CharField(_("phone number"), max_length=16)
    exists = models.BooleanField(_("on WhatsApp"), null=True)
    lid = models.CharField("LID", max_length=32, blank=True)
    wire_number = models.CharField(
        _("registered as"),
        max_length=16,
        blank=True,
        db_default="",
        default="",
        help_text=_("The form of the number under which WhatsApp knows it, in countries that have two."),
    )
    checked_at = models.DateTimeField(_("checked"), default=now)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("number check")
        verbose_name_plural = _("number checks")
        ordering = ["-checked_at"]
        constraints = [models.UniqueConstraint(fields=["organization", "phone_number"], name="one_check_a_number")]
        indexes = [models.Index(fields=["sender", "checked_at"], name="checks_of_a_sender")]

    def __str__(self) -> str:
        return self.phone_number
