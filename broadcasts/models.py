"""What people send besides campaigns: broadcast lists and their broadcasts, bulk sends, and reminders."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from accounts.fields import TimeZoneField
from accounts.models import Organization, OrganizationQuerySet, User
from messaging.models import Batch, LibraryFile, Message
from messaging.recurrence import Recurrence
from senders.models import Sender

GROUP_SIZE = 256  # people of one group of a broadcast list, as in WhatsApp's own


class BroadcastList(models.Model):
    """People who are sent the same text again and again, in groups of `GROUP_SIZE`."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="broadcast_lists")
    name = models.CharField(_("name"), max_length=120)
    sender = models.ForeignKey(
        Sender,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="broadcast_lists",
        verbose_name=_("sender"),
        help_text=_("Empty: all senders share the work."),
    )
    gap_seconds = models.PositiveIntegerField(
        _("pause between groups (s)"), default=10, validators=[MaxValueValidator(24 * 3600)]
    )
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("made"), default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("broadcast list")
        verbose_name_plural = _("broadcast lists")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "name"], name="one_broadcast_list_a_name"),
        ]

    def __str__(self) -> str:
        return self.name


class BroadcastMember(models.Model):
    """Somebody on a broadcast list. Positions are the numbers from 0 without a gap, so that position // `GROUP_SIZE` is
    the group, and every group but the last is full."""

    broadcast_list = models.ForeignKey(BroadcastList, on_delete=models.CASCADE, related_name="members", db_index=False)
    phone_number = models.CharField(_("phone number"), max_length=16)
    position = models.PositiveIntegerField(_("position"))
    added_at = models.DateTimeField(_("added"), default=now)

    class Meta:
        verbose_name = _("member of a broadcast list")
        verbose_name_plural = _("members of broadcast lists")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["broadcast_list", "phone_number"], name="once_on_a_broadcast_list"),
            models.UniqueConstraint(
                fields=["broadcast_list", "position"],
                name="one_member_a_position",
                deferrable=models.Deferrable.DEFERRED,
            ),
        ]

    def __str__(self) -> str:
        return self.phone_number

    @property
    def group(self) -> int:
        return self.position // GROUP_SIZE


class Broadcast(models.Model):
    """One text that went to the people who were on a broadcast list then."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="broadcasts")
    broadcast_list = models.ForeignKey(
        BroadcastList,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="broadcasts",
        verbose_name=_("broadcast list"),
    )
    list_name = models.CharField(_("name of the list then"), max_length=120)
    batch = models.OneToOneField(Batch, on_delete=models.CASCADE, related_name="broadcast", verbose_name=_("batch"))
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("sent"), default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("broadcast")
        verbose_name_plural = _("broadcasts")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.list_name


class BulkSend(models.Model):
    """Many messages that were asked for at once. Repeated from every sender, it has a batch for each of them, because
    within a batch nobody gets two messages."""

    class Way(models.TextChoices):
        SHARED = "split", _("The senders share the people")
        REPEATED = "repeat", _("Everybody hears from every sender")

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="bulk_sends")
    name = models.CharField(_("name"), max_length=120, blank=True)
    way = models.CharField(_("how"), max_length=6, choices=Way.choices, default=Way.SHARED)
    batches: models.ManyToManyField = models.ManyToManyField(
        Batch, related_name="bulk_sends", verbose_name=_("batches")
    )
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("sent"), default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("bulk send")
        verbose_name_plural = _("bulk sends")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name or str(_("Bulk send %(number)s") % {"number": self.pk})


class Reminder(models.Model):
    """A message that goes to one person again and again. `next_at` is when it is due; None where it is paused or over."""

    class Repeat(models.TextChoices):
        DAILY = "daily", _("Every day")
        WEEKLY = "weekly", _("Every week")
        MONTHLY = "monthly", _("Every month")
        CRON = "cron", _("By a cron expression")

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        PAUSED = "paused", _("Paused")
        ENDED = "ended", _("Ended")

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="reminders")
    name = models.CharField(_("name"), max_length=120, blank=True)
    phone_number = models.CharField(_("phone number"), max_length=16)
    sender = models.ForeignKey(
        Sender, on_delete=models.SET_NULL, null=True, blank=True, related_name="reminders", verbose_name=_("sender")
    )
    text = models.TextField(_("text"), blank=True, help_text=_("The caption where there is a file."))
    file = models.ForeignKey(
        LibraryFile, on_delete=models.PROTECT, null=True, blank=True, related_name="reminders", verbose_name=_("file")
    )
    repeat = models.CharField(_("repeats"), max_length=7, choices=Repeat.choices)
    timezone = TimeZoneField(_("time zone"))
    time = models.TimeField(_("time"), null=True, blank=True)
    weekdays = ArrayField(models.PositiveSmallIntegerField(), verbose_name=_("weekdays"), default=list, blank=True)
    day_of_month = models.PositiveSmallIntegerField(
        _("day of the month"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(31)]
    )
    cron = models.CharField(_("cron expression"), max_length=100, blank=True)
    ends_on = models.DateField(_("last day"), null=True, blank=True)
    late_hours = models.PositiveSmallIntegerField(
        _("hours late at most"),
        default=6,
        help_text=_("Missed by more than that, as when the server was off, it is left out."),
    )
    state = models.CharField(_("state"), max_length=6, choices=State.choices, default=State.ACTIVE)
    next_at = models.DateTimeField(_("next"), null=True, blank=True)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("made"), default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("reminder")
        verbose_name_plural = _("reminders")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["next_at"], name="reminders_due", condition=models.Q(next_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.name or self.phone_number

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def recurrence(self) -> Recurrence:
        at = {} if self.time is None else {"at": self.time}
        return Recurrence(
            self.zone,
            weekdays=frozenset(self.weekdays),
            day_of_month=self.day_of_month or 0,
            cron=self.cron,
            **at,
        )

    def after(self, moment: datetime) -> datetime | None:
        """The first due time after `moment` that is not after the last day, in UTC."""
        found = self.recurrence.after(moment)
        if found is None or (self.ends_on is not None and found.astimezone(self.zone).date() > self.ends_on):
            return None
        return found


class ReminderRun(models.Model):
    """One due time of a reminder, taken once, and what came of it."""

    class Outcome(models.TextChoices):
        SENT = "sent", _("Handed over")  # the message says how far it came
        MISSED = "missed", _("Missed")  # nothing ran at that time, and it was too late afterwards

    reminder = models.ForeignKey(Reminder, on_delete=models.CASCADE, related_name="runs", verbose_name=_("reminder"))
    at = models.DateTimeField(_("due"))
    outcome = models.CharField(_("outcome"), max_length=6, choices=Outcome.choices)
    message = models.ForeignKey(
        Message,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        verbose_name=_("message"),
    )
    taken_at = models.DateTimeField(_("taken up"), default=now)

    class Meta:
        verbose_name = _("due time of a reminder")
        verbose_name_plural = _("due times of reminders")
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["reminder", "at"], name="one_run_a_due_time")]

    def __str__(self) -> str:
        return f"{self.reminder} · {self.at:%Y-%m-%d %H:%M} UTC"
