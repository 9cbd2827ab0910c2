"""Campaigns: what marketers plan, start and watch. The sending itself belongs to the campaign's batch."""

from datetime import datetime
from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from accounts.fields import TimeZoneField
from accounts.models import ApiKey, Organization, OrganizationQuerySet, User
from contacts.models import ContactList, ListImport, Segment
from messaging.models import Batch, BatchStatus
from messaging.recurrence import Recurrence


class CampaignStatus(models.TextChoices):
    """`draft`, `reading`, `failed` and `scheduled` are the campaign's own; the rest mirrors its batch (see `Campaign.status`)."""

    DRAFT = "draft", _("Draft")
    READING = "reading", _("Reading the list")
    FAILED = "failed", _("List not usable")
    READY = "ready", _("Ready")
    SCHEDULED = "scheduled", _("Scheduled")
    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")
    COMPLETED = "completed", _("Completed")
    CANCELLED = "cancelled", _("Cancelled")


class Approval(models.TextChoices):
    """Where an organization demands it, nothing starts or is given a time that is not approved as it is now."""

    NONE = "", _("Not asked for")
    SUBMITTED = "submitted", _("Waits for approval")
    APPROVED = "approved", _("Approved")
    RETURNED = "returned", _("Returned")


class Campaign(models.Model):
    """One text to many people. `batch` holds the text, the senders and the pace from the first moment, and the
    frozen audience (a message a person) as soon as the list is read.

    The people are those on `contact_list`, in `segment` and in the uploaded sheet, less those who are excluded. Who is in
    a segment is decided when the audience is fixed; `segment_summary` says in words what its filter was then.

    Where a person stands both in contacts and in the uploaded sheet, the sheet's values win; inside the
    sheet the last row wins. `merged` counts the rows that gave way, `invalid_rows` those without a usable number.

    A draft may lack anything: nothing of it is frozen, and nothing of it can be sent until it is finished. `version`
    goes up by one with every change of what people wrote, so that a change to an older version is refused.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="campaigns")
    name = models.CharField(_("name"), max_length=120)
    contact_list = models.ForeignKey(
        ContactList, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("contact list")
    )
    segment = models.ForeignKey(
        Segment, on_delete=models.SET_NULL, null=True, blank=True, related_name="campaigns", verbose_name=_("segment")
    )
    segment_summary = models.TextField(
        _("segment when the audience was fixed"), blank=True, default="", db_default="", editable=False
    )
    excluded_lists: models.ManyToManyField = models.ManyToManyField(
        ContactList, related_name="+", blank=True, verbose_name=_("but nobody on these lists")
    )
    excluded_segments: models.ManyToManyField = models.ManyToManyField(
        Segment, related_name="excluded_from", blank=True, verbose_name=_("but nobody in these segments")
    )
    list_import = models.OneToOneField(
        ListImport, on_delete=models.PROTECT, null=True, blank=True, verbose_name=_("uploaded list")
    )
    batch = models.OneToOneField(Batch, on_delete=models.PROTECT, verbose_name=_("batch"))
    is_draft = models.BooleanField(_("draft"), default=False, db_default=False)
    version = models.PositiveIntegerField(_("version"), default=1, db_default=1, editable=False)
    approval = models.CharField(
        _("approval"), max_length=9, choices=Approval.choices, blank=True, default="", db_default=""
    )
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True)
    start_when_ready = models.BooleanField(_("start as soon as the list is read"), default=False)
    frozen_at = models.DateTimeField(_("audience frozen"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)
    # The fingerprint of the content that somebody wanted to send in spite of what was found: `campaigns.lint`.
    lint_accepted = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    merged = models.PositiveIntegerField(_("merged"), default=0)
    invalid_rows = models.PositiveIntegerField(_("rows without a usable number"), default=0)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("campaign")
        verbose_name_plural = _("campaigns")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name or _g("Untitled draft")

    @property
    def status(self) -> str:
        """One of `CampaignStatus`. Reads `batch` and `schedule`: fetch them with `select_related`."""
        if self.is_draft:
            return CampaignStatus.DRAFT
        if self.error:
            return CampaignStatus.FAILED
        if self.batch.status == BatchStatus.READY and (status := self._status_by_schedule()):
            return status
        if self.frozen_at is None and self.batch.status != CampaignStatus.CANCELLED:
            return CampaignStatus.READING
        return self.batch.status

    def _status_by_schedule(self) -> str:
        schedule: Schedule | None = getattr(self, "schedule", None)
        if schedule is None:
            return ""
        if schedule.repeats:
            return STATUS_OF_REPEATING[Schedule.State(schedule.state)]
        return CampaignStatus.SCHEDULED if schedule.next_at else ""

    @property
    def lacks_approval(self) -> bool:
        """Whether its organization demands an approval that it does not have. Reads `organization`."""
        return self.organization.campaigns_need_approval and self.approval != Approval.APPROVED

    @property
    def repeats(self) -> bool:
        """Whether this campaign is the pattern of others and never sends itself. Reads `schedule`."""
        schedule: Schedule | None = getattr(self, "schedule", None)
        return schedule is not None and schedule.repeats


class CampaignChange(models.Model):
    """One thing that somebody did with a campaign, for its page: who, when, what, and what it was before.

    `changes` is `{field: {"from": …, "to": …}}`, as the API names the fields; senders, lists and segments by name.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="campaign_changes")
    campaign = models.ForeignKey(
        Campaign, on_delete=models.CASCADE, related_name="changes", verbose_name=_("campaign")
    )
    user = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=_("person"))
    api_key = models.ForeignKey(ApiKey, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=_("API key"))
    what = models.CharField(_("what"), max_length=20)
    status = models.CharField(_("status then"), max_length=10, choices=CampaignStatus.choices)
    changes = models.JSONField(_("changes"), default=dict, blank=True)
    remark = models.TextField(_("remark"), blank=True)
    notice_due = models.BooleanField(_("mail to be sent"), default=False)
    at = models.DateTimeField(_("at"), default=now)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("change of a campaign")
        verbose_name_plural = _("changes of campaigns")
        ordering = ["-id"]
        indexes = [models.Index(fields=["id"], name="campaign_changes_to_tell", condition=models.Q(notice_due=True))]

    def __str__(self) -> str:
        return f"{self.campaign} · {self.what}"


class StopAction(models.TextChoices):
    """What happens at a scheduled end to what has not left."""

    NONE = "", _("Nothing")
    PAUSE = "pause", _("Pause")
    CANCEL = "cancel", _("Cancel")


class Schedule(models.Model):
    """When a campaign starts by itself. Once: then the campaign itself starts. Repeatedly: then the campaign is a
    pattern that is never sent itself; each occurrence makes a new one with its text, senders, pace and audience.

    `next_at` is when it is due; None where it is paused or over. `max_runs` counts occurrences that were started.
    """

    class Kind(models.TextChoices):
        ONCE = "once", _("Once")
        DAILY = "daily", _("Every day")
        WEEKLY = "weekly", _("Every week")
        MONTHLY = "monthly", _("Every month")
        CRON = "cron", _("By a cron expression")

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        PAUSED = "paused", _("Paused")
        ENDED = "ended", _("Ended")

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="schedules")
    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, verbose_name=_("campaign"))
    kind = models.CharField(_("kind"), max_length=7, choices=Kind.choices)
    state = models.CharField(_("state"), max_length=6, choices=State.choices, default=State.ACTIVE)
    next_at = models.DateTimeField(_("next"), null=True, blank=True)
    timezone = TimeZoneField(_("time zone"))
    time = models.TimeField(_("time"), null=True, blank=True)
    weekdays = ArrayField(models.PositiveSmallIntegerField(), verbose_name=_("weekdays"), default=list, blank=True)
    day_of_month = models.PositiveSmallIntegerField(
        _("day of the month"), null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(31)]
    )
    cron = models.CharField(_("cron expression"), max_length=100, blank=True)
    starts_on = models.DateField(_("first day"), null=True, blank=True)
    ends_on = models.DateField(_("last day"), null=True, blank=True)
    max_runs = models.PositiveIntegerField(_("number of runs"), null=True, blank=True)
    runs = models.PositiveIntegerField(_("runs so far"), default=0)
    late_hours = models.PositiveSmallIntegerField(
        _("hours late at most"),
        default=6,
        help_text=_("Missed by more than that, as when the server was off, it is skipped."),
    )
    stop_action = models.CharField(_("at the end"), max_length=6, choices=StopAction.choices, blank=True)
    stop_at = models.DateTimeField(_("end"), null=True, blank=True, help_text=_("Of a campaign that starts once."))
    stop_after_minutes = models.PositiveIntegerField(
        _("end, minutes after the start"), null=True, blank=True, help_text=_("Of each one that a repetition makes.")
    )
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("schedule")
        verbose_name_plural = _("schedules")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["next_at"], name="schedules_due", condition=models.Q(next_at__isnull=False)),
        ]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(next_at=None) | models.Q(state="active"), name="only_active_schedules_are_due"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} · {self.timezone}"

    @property
    def repeats(self) -> bool:
        return self.kind != self.Kind.ONCE

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def recurrence(self) -> Recurrence:
        """Of a schedule that repeats."""
        at = {} if self.time is None else {"at": self.time}
        return Recurrence(
            self.zone,
            weekdays=frozenset(self.weekdays),
            day_of_month=self.day_of_month or 0,
            cron=self.cron,
            **at,
        )

    def after(self, moment: datetime) -> datetime | None:
        """The first occurrence after `moment` that lies between the first and the last day, in UTC."""
        if not self.repeats:
            return None
        if self.starts_on is not None:
            opens = datetime.combine(self.starts_on, datetime.min.time(), self.zone)
            moment = max(moment, opens - datetime.resolution)
        found = self.recurrence.after(moment)
        if found is None or (self.ends_on is not None and found.astimezone(self.zone).date() > self.ends_on):
            return None
        return found


STATUS_OF_REPEATING = {
    Schedule.State.ACTIVE: CampaignStatus.SCHEDULED,
    Schedule.State.PAUSED: CampaignStatus.PAUSED,
    Schedule.State.ENDED: CampaignStatus.COMPLETED,
}


class Occurrence(models.Model):
    """One due time of a schedule, taken once, and what came of it. `campaign` is what was started."""

    class Outcome(models.TextChoices):
        STARTING = "starting", _("Starting")  # taken; the campaign's audience is being fixed
        STARTED = "started", _("Started")
        MISSED = "missed", _("Missed")  # nothing ran at that time, and it was too late afterwards
        OVERTAKEN = "overtaken", _("Left out")  # missed, and the next one had come due as well
        FAILED = "failed", _("Not started")  # `reason` says why

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="occurrences")
    schedule = models.ForeignKey(Schedule, on_delete=models.CASCADE, related_name="occurrences")
    at = models.DateTimeField(_("due"))
    taken_at = models.DateTimeField(_("taken up"), default=now)
    outcome = models.CharField(_("outcome"), max_length=9, choices=Outcome.choices)
    reason = models.CharField(_("reason"), max_length=300, blank=True)
    campaign = models.ForeignKey(
        Campaign,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="occurrences",
        verbose_name=_("campaign"),
    )
    stop_action = models.CharField(_("at the end"), max_length=6, choices=StopAction.choices, blank=True)
    stop_at = models.DateTimeField(_("end"), null=True, blank=True)
    stopped_at = models.DateTimeField(_("ended"), null=True, blank=True)
    notice_due = models.BooleanField(_("mail to be sent"), default=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("occurrence of a schedule")
        verbose_name_plural = _("occurrences of schedules")
        ordering = ["-at"]
        constraints = [models.UniqueConstraint(fields=["schedule", "at"], name="one_occurrence_a_time")]
        indexes = [
            models.Index(
                fields=["stop_at"],
                name="occurrences_to_stop",
                condition=models.Q(stop_at__isnull=False, stopped_at=None),
            ),
            models.Index(fields=["id"], name="occurrences_to_settle", condition=models.Q(outcome="starting")),
            models.Index(fields=["id"], name="occurrences_to_tell", condition=models.Q(notice_due=True)),
            models.Index(fields=["organization", "at"], name="occurrences_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.schedule.campaign} · {self.at:%Y-%m-%d %H:%M} UTC"


class CampaignReport(models.Model):
    """What a campaign's messages came to, counted from its rows at `as_of`: see `campaigns.report_details`.

    Counting a million rows takes seconds, so that it is kept. `counted` is what the counters said before: as long as they
    say the same, nothing has changed since.
    """

    campaign = models.OneToOneField(Campaign, on_delete=models.CASCADE, related_name="report")
    as_of = models.DateTimeField(_("as of"))
    took_ms = models.PositiveIntegerField(_("took (ms)"))
    counted = models.CharField(max_length=64, editable=False)
    details = models.JSONField(_("figures"))

    class Meta:
        verbose_name = _("report of a campaign")
        verbose_name_plural = _("reports of campaigns")

    def __str__(self) -> str:
        return str(self.campaign)


class Rehearsal(models.Model):
    """One performance of a campaign against the simulated network, in simulated time, that changes nothing else.

    `result` has `starts_at`, `ends_at`, `forecast_ends_at` (ISO 8601), `took_seconds`, `times_real_speed`, `stats` (as
    the API's), `people`, `funnel` and `details` as of `as_of` (see `campaigns.report`), and `taken_as_connected`: names of
    senders that are not connected, but were taken for it.
    """

    class Status(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Running")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="rehearsals")
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.WAITING)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("asked for"), default=now, editable=False)
    seen_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    moment = models.DateTimeField(_("simulated time"), null=True, blank=True)
    done = models.PositiveIntegerField(_("people done"), default=0)
    people = models.PositiveIntegerField(_("people"), default=0)
    error = models.CharField(_("error"), max_length=300, blank=True)
    result = models.JSONField(_("result"), default=dict, blank=True)

    class Meta:
        verbose_name = _("rehearsal")
        verbose_name_plural = _("rehearsals")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign"],
                name="one_rehearsal_at_a_time",
                condition=models.Q(status__in=["waiting", "running"]),
            )
        ]
        indexes = [
            models.Index(
                fields=["id"], name="rehearsals_under_way", condition=models.Q(status__in=["waiting", "running"])
            )
        ]

    def __str__(self) -> str:
        return f"{self.campaign} · {self.created_at:%Y-%m-%d %H:%M} UTC"

    @property
    def is_under_way(self) -> bool:
        return self.status in (self.Status.WAITING, self.Status.RUNNING)
