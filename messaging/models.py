"""The ledger: one row a WhatsApp message from import to read receipt, and the batches they are sent in."""

from django.db import models
from django.db.models.functions import MD5, Now
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from accounts.fields import TimeZoneField
from accounts.models import Organization, OrganizationQuerySet, User
from contacts.models import OptOutEvent
from messaging.kinds import Kind
from senders.models import Sender


class MessageStatus(models.IntegerChoices):
    """Where a message stands. A status only ever moves to a higher number, with three stated exceptions:
    `queued` returns to `pending` when its batch pauses or its sender is lost before it was leased, `sending`
    returns to `queued` for a retry, and `unknown` moves to what a late receipt or a person says."""

    PENDING = 10, "pending"  # belongs to a batch; no sender, no time yet
    QUEUED = 20, "queued"  # has a sender, its final text, a due time and its WhatsApp id; not yet leased
    SENDING = 30, "sending"  # leased by a worker: it may or may not have left
    SENT = 40, "sent"  # WhatsApp's server acknowledged it
    DELIVERED = 50, "delivered"  # the phone has it
    READ = 60, "read"  # the person opened it
    FAILED = 70, "failed"  # refused for good, or out of tries; `error_code` says why
    UNKNOWN = 80, "unknown"  # may have left and cannot be asked about: never resent by itself
    CANCELLED = 90, "cancelled"  # its batch was cancelled, or its person erased, before it was leased
    SKIPPED = 100, "skipped"  # never attempted on purpose; `skip_reason` says why
    RECEIVED = 110, "received"  # written by a person to a sender (direction "in")


OPEN_STATUSES = (MessageStatus.PENDING, MessageStatus.QUEUED, MessageStatus.SENDING)


class SkipReason(models.TextChoices):
    BLOCKED = "blocked", _("On the blocklist")
    OPTED_OUT = "opted_out", _("Asked not to be messaged")
    INVALID_NUMBER = "invalid_number", _("Not a possible mobile number")
    NOT_ON_WHATSAPP = "not_on_whatsapp", _("Not on WhatsApp")
    DUPLICATE = "duplicate", _("Same person twice")
    MISSING_VARIABLE = "missing_variable", _("A variable of the text is empty")
    FREQUENCY_CAP = "frequency_cap", _("Messaged too recently")
    NO_CONSENT = "no_consent", _("Has not agreed to be messaged")
    HOLDOUT = "holdout", _("Left out to compare with")


class BatchStatus(models.TextChoices):
    READY = "ready", _("Ready")  # the audience is frozen; nobody started it
    RUNNING = "running", _("Running")  # the planner queues its messages
    PAUSED = "paused", _("Paused")  # nothing of it is queued or sent; `status_reason` says why
    COMPLETED = "completed", _("Completed")  # no message is pending, queued or sending
    CANCELLED = "cancelled", _("Cancelled")  # whatever had not left never will


class Priority(models.IntegerChoices):
    """Lower goes first: what a person is waiting for overtakes campaigns."""

    INTERACTIVE = 1, _("interactive")
    NORMAL = 5, _("normal")


class Purpose(models.TextChoices):
    """Why a batch is sent. Where the organization demands consent, marketing goes only to people who gave it."""

    MARKETING = "marketing", _("Marketing")
    SERVICE = "service", _("Service")  # what a customer expects, such as news of an order


class Goal(models.TextChoices):
    """What the variants of a text are compared by."""

    NONE = "none", _("Nothing")
    READ = "read", _("Read")
    REPLIED = "replied", _("Replied")
    CLICKED = "clicked", _("Clicked a link")


class Batch(models.Model):
    """Messages sent under one plan: pool of senders, pace, priority, text."""

    class Origin(models.TextChoices):
        CAMPAIGN = "campaign", _("Campaign")
        BROADCAST = "broadcast", _("Broadcast")
        BULK = "bulk", _("Bulk send")

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="batches")
    origin = models.CharField(_("origin"), max_length=10, choices=Origin.choices, default=Origin.CAMPAIGN)
    purpose = models.CharField(
        _("purpose"),
        max_length=10,
        choices=Purpose.choices,
        default=Purpose.MARKETING,
        db_default=Purpose.MARKETING.value,
    )
    status = models.CharField(_("status"), max_length=10, choices=BatchStatus.choices, default=BatchStatus.READY)
    status_reason = models.CharField(_("reason"), max_length=300, blank=True)
    text = models.TextField(
        _("text"),
        blank=True,
        help_text=_("With {{variables}} and {choices|options}; the caption where there is a file."),
    )
    kind = models.CharField(
        _("kind"), max_length=12, choices=Kind.choices, default=Kind.TEXT, db_default=Kind.TEXT.value
    )
    media = models.ForeignKey(
        "Media", on_delete=models.RESTRICT, null=True, blank=True, related_name="batches", verbose_name=_("file")
    )
    template_version = models.ForeignKey(
        "TemplateVersion",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="batches",
        verbose_name=_("made from the template"),
    )
    senders: models.ManyToManyField = models.ManyToManyField(Sender, related_name="batches", verbose_name=_("senders"))
    min_delay_ms = models.PositiveIntegerField(_("shortest delay (ms)"), default=3000)
    max_delay_ms = models.PositiveIntegerField(_("longest delay (ms)"), default=8000)
    timezone = TimeZoneField(_("time zone"), blank=True, help_text=_("Empty: the organization's."))
    windows = models.JSONField(
        _("sending windows"), default=list, blank=True, help_text=_("As in messaging.windows. Empty: at any time.")
    )
    recipient_time = models.BooleanField(
        _("windows in the recipient's time"), default=False, help_text=_("From the region of each number.")
    )
    typing = models.BooleanField(_("show “typing…” first"), default=False)
    priority = models.PositiveSmallIntegerField(_("priority"), choices=Priority.choices, default=Priority.NORMAL)
    track_links = models.BooleanField(
        _("count clicks"),
        default=False,
        db_default=False,
        help_text=_("Links in the text become short ones of our own."),
    )
    wave_gap_ms = models.PositiveIntegerField(
        _("pause between groups (ms)"), null=True, blank=True, help_text=_("Of a batch that is sent group by group.")
    )
    idempotency_key = models.CharField(_("idempotency key"), max_length=100, null=True, blank=True)
    # Of what was asked for under the key, so that the key cannot stand for something else later.
    fingerprint = models.CharField(max_length=64, blank=True, default="", db_default="", editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("batch")
        verbose_name_plural = _("batches")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["organization", "priority", "id"],
                name="batches_to_plan",
                condition=models.Q(status__in=["running", "cancelled"], finished_at=None),
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "idempotency_key"],
                condition=models.Q(idempotency_key__isnull=False),
                name="one_batch_an_idempotency_key",
            ),
            models.CheckConstraint(
                condition=models.Q(max_delay_ms__gte=models.F("min_delay_ms")), name="longest_delay_not_below_shortest"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_origin_display()} {self.pk}"


class Wave(models.Model):
    """One group of a batch that is sent group by group. The next one opens `Batch.wave_gap_ms` after this one is gone:
    after each of its messages was tried once, or will never be."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="waves", db_index=False)
    number = models.PositiveIntegerField(_("number"), help_text=_("From 0."))
    size = models.PositiveIntegerField(_("messages"))
    opened_at = models.DateTimeField(_("opened"), null=True, blank=True)
    gone_at = models.DateTimeField(_("gone"), null=True, blank=True)

    class Meta:
        verbose_name = _("group of a broadcast")
        verbose_name_plural = _("groups of broadcasts")
        ordering = ["number"]
        constraints = [models.UniqueConstraint(fields=["batch", "number"], name="one_wave_a_number")]

    def __str__(self) -> str:
        return f"{self.batch} · {self.number + 1}"


class BatchCount(models.Model):
    """How many messages of a batch stand at one status. The sum over shards is the figure that is shown.

    A shard is a writing thread (modulo `messaging.counts.SHARDS`), so that two writers seldom wait for the
    same row. Rows change in the transaction that changes the messages, by exactly those messages.
    """

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="counts")
    shard = models.PositiveSmallIntegerField()
    status = models.PositiveSmallIntegerField(choices=MessageStatus.choices)
    skip_reason = models.CharField(max_length=20, blank=True)
    count = models.BigIntegerField(default=0)

    class Meta:
        verbose_name = _("count of a batch")
        verbose_name_plural = _("counts of batches")
        constraints = [
            models.UniqueConstraint(fields=["batch", "shard", "status", "skip_reason"], name="one_count_a_status")
        ]

    def __str__(self) -> str:
        return f"{self.batch} · {self.get_status_display()}"


class Media(models.Model):
    """A file of messages, out or in, as it lies in the storage. The same file of an organization is stored once."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="media", db_index=False)
    name = models.CharField(_("name in the storage"), max_length=255)
    mime_type = models.CharField(_("type"), max_length=120)
    file_name = models.CharField(_("file name"), max_length=255, blank=True)
    size = models.BigIntegerField(_("size"), help_text=_("In bytes."))
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField(_("created"), default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("media file")
        verbose_name_plural = _("media files")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "sha256", "mime_type", "file_name"], name="one_row_a_media_file"
            )
        ]

    def __str__(self) -> str:
        return self.file_name or self.mime_type


class LibraryFile(models.Model):
    """A file that people keep to send it again and again. It is uploaded once; every message that it goes with names
    the same stored file."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="library_files")
    name = models.CharField(_("name"), max_length=120)
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices, help_text=_("What it is sent as."))
    media = models.ForeignKey(Media, on_delete=models.PROTECT, related_name="library_files", verbose_name=_("file"))
    thumbnail = models.ForeignKey(
        Media,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="thumbnail_of",
        verbose_name=_("small picture"),
    )
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("added"), default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("file of the library")
        verbose_name_plural = _("media library")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "media", "kind"], name="one_library_file_a_file")
        ]

    def __str__(self) -> str:
        return self.name


class Variant(models.Model):
    """One of several texts of a batch, for `share` percent of those who are tested."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="variants", db_index=False)
    position = models.PositiveSmallIntegerField(_("position"), help_text=_("0 is what the others are compared with."))
    name = models.CharField(_("name"), max_length=60)
    text = models.TextField(_("text"), help_text=_("With {{variables}}."))
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices, default=Kind.TEXT)
    media = models.ForeignKey(
        Media, on_delete=models.PROTECT, null=True, blank=True, related_name="variants", verbose_name=_("file")
    )
    share = models.PositiveSmallIntegerField(_("share"), help_text=_("In percent; of all variants 100."))

    class Meta:
        verbose_name = _("variant")
        verbose_name_plural = _("variants")
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["batch", "position"], name="one_variant_a_position")]

    def __str__(self) -> str:
        return self.name


class Experiment(models.Model):
    """How the variants of a batch are compared: who gets which, by what they are judged, and what came of it.

    Of 100 people `holdout_share` get nothing, so that one sees what would have happened anyway. Of the others
    `test_share` percent get the variants at once; the rest waits (`messaging.variants.FAR_AHEAD`) and gets the winner.
    """

    class DecidedAs(models.TextChoices):
        PROVEN = "proven", _("Better than every other variant, and not by chance")
        AHEAD = "ahead", _("The best so far when the time was over; the difference may be chance")
        TIE = "tie", _("As good as another one; the first of them")
        NO_DATA = "no_data", _("Nothing could be measured; the first one")
        BY_HAND = "by_hand", _("Chosen by hand")

    batch = models.OneToOneField(Batch, on_delete=models.CASCADE, related_name="experiment")
    goal = models.CharField(_("goal"), max_length=8, choices=Goal.choices, default=Goal.NONE)
    holdout_share = models.PositiveSmallIntegerField(_("left out (%)"), default=0)
    test_share = models.PositiveSmallIntegerField(_("tested (%)"), default=100)
    measure_minutes = models.PositiveIntegerField(
        _("measured for (minutes)"), default=24 * 60, help_text=_("After the last message of the test has left.")
    )
    decide_early = models.BooleanField(_("choose earlier where it is clear"), default=False)
    tested_at = models.DateTimeField(_("test sent"), null=True, blank=True)
    looks = models.PositiveSmallIntegerField(_("looks before the end"), default=0)
    closed_at = models.DateTimeField(_("measured"), null=True, blank=True)
    result = models.JSONField(_("result"), default=dict, blank=True, help_text=_("The figures when it was closed."))
    figures = models.JSONField(_("figures"), default=dict, blank=True)
    figures_at = models.DateTimeField(_("figures as of"), null=True, blank=True)
    winner = models.ForeignKey(
        Variant, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", verbose_name=_("winner")
    )
    decided_as = models.CharField(_("chosen because"), max_length=8, choices=DecidedAs.choices, blank=True)
    decided_at = models.DateTimeField(_("chosen"), null=True, blank=True)
    released_at = models.DateTimeField(_("given to the rest"), null=True, blank=True)

    class Meta:
        verbose_name = _("test of variants")
        verbose_name_plural = _("tests of variants")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(holdout_share__lte=50, test_share__gte=1, test_share__lte=100),
                name="shares_of_a_test_are_percents",
            )
        ]
        indexes = [
            models.Index(
                fields=["batch"],
                name="tests_to_go_on_with",
                condition=models.Q(closed_at=None) | models.Q(winner__isnull=False, released_at=None),
            )
        ]

    def __str__(self) -> str:
        return f"{self.batch} · {self.get_goal_display()}"

    @property
    def has_rest(self) -> bool:
        """Whether people wait for the winner."""
        return self.test_share < 100 and self.released_at is None


class Group(models.Model):
    """A WhatsApp group that a sender is a member of. `members`, once asked for at `members_at`, is a list of
    `{"phone_number", "lid", "name", "is_admin"}`; a member whom WhatsApp shows by LID only has an empty number."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="groups", db_index=False)
    sender = models.ForeignKey(Sender, on_delete=models.CASCADE, related_name="groups", db_index=False)
    whatsapp_id = models.CharField(_("WhatsApp id"), max_length=64, help_text=_("Such as 120363041234567890@g.us."))
    subject = models.CharField(_("subject"), max_length=200, blank=True)
    members = models.JSONField(_("members"), default=list, blank=True)
    members_at = models.DateTimeField(_("members as of"), null=True, blank=True)
    left_at = models.DateTimeField(
        _("left"), null=True, blank=True, help_text=_("The sender was no longer in it when it was asked for.")
    )
    created_by_us = models.BooleanField(_("created here"), default=False)
    created_at = models.DateTimeField(_("known since"), default=now, editable=False)
    updated_at = models.DateTimeField(_("as of"), default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("group")
        verbose_name_plural = _("groups")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["sender", "whatsapp_id"], name="one_group_a_sender")]
        indexes = [models.Index(fields=["organization", "-id"], name="groups_newest_first")]

    def __str__(self) -> str:
        return self.subject or self.whatsapp_id


class Message(models.Model):
    """One WhatsApp message to or from one phone number or group. Times are when we learned of the step.

    A message from a person whom WhatsApp shows by LID only has an empty `phone_number` until the number is known; a
    message to a group has none either, and one from a group has the number of its member.
    """

    class Direction(models.TextChoices):
        OUT = "out", _("to the person")
        IN = "in", _("from the person")

    # No index of their own: the indexes below begin with these columns, and every update writes every index.
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="messages", db_index=False)
    batch = models.ForeignKey(
        Batch, on_delete=models.CASCADE, null=True, blank=True, related_name="messages", db_index=False
    )
    sender = models.ForeignKey(
        Sender, on_delete=models.SET_NULL, null=True, blank=True, related_name="messages", db_index=False
    )
    direction = models.CharField(_("direction"), max_length=3, choices=Direction.choices, default=Direction.OUT)
    phone_number = models.CharField(_("phone number"), max_length=16, blank=True)
    lid = models.CharField("LID", max_length=32, blank=True, default="", db_default="")  # digits; where it is known
    group = models.ForeignKey(
        Group, on_delete=models.SET_NULL, null=True, blank=True, related_name="messages", db_index=False
    )
    kind = models.CharField(
        _("kind"), max_length=12, choices=Kind.choices, default=Kind.TEXT, db_default=Kind.TEXT.value
    )
    content = models.JSONField(
        _("content"), default=dict, db_default={}, blank=True, help_text=_("As in messaging.kinds.")
    )
    media = models.ForeignKey(
        Media, on_delete=models.SET_NULL, null=True, blank=True, related_name="messages", db_index=False
    )
    # Variants go only with their batch, or while it has no messages: nothing has to be looked for then.
    variant = models.ForeignKey(
        "Variant",
        on_delete=models.DO_NOTHING,
        null=True,
        blank=True,
        related_name="messages",
        db_index=False,
        db_constraint=False,
        verbose_name=_("variant"),
    )
    # The group of a batch that is sent group by group: `Wave.number`.
    wave = models.PositiveIntegerField(_("group of the broadcast"), null=True, blank=True)
    confirms = models.ForeignKey(
        OptOutEvent,
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="confirmations",
        db_index=False,
        verbose_name=_("confirms"),
        help_text=_("The opt-out that this answers: the one message that may go to somebody who just opted out."),
    )
    status = models.PositiveSmallIntegerField(_("status"), choices=MessageStatus.choices)
    # What the indexes know of the status. It stays the same from `sent` to `read`, so that receipts, the most
    # frequent writes of all, touch no index (a heap-only update).
    stage = models.GeneratedField(
        expression=models.Case(
            models.When(status__gt=MessageStatus.SENT, status__lte=MessageStatus.READ, then=MessageStatus.SENT.value),
            default=models.F("status"),
            output_field=models.PositiveSmallIntegerField(),
        ),
        output_field=models.PositiveSmallIntegerField(),
        db_persist=True,
    )
    skip_reason = models.CharField(_("skipped because"), max_length=20, choices=SkipReason.choices, blank=True)
    error_code = models.CharField(_("error code"), max_length=40, blank=True)
    error = models.CharField(_("error"), max_length=300, blank=True)
    variables = models.JSONField(_("variables"), default=dict, blank=True)
    text = models.TextField(_("text"), blank=True, help_text=_("Final once the message is queued."))
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.NORMAL)
    whatsapp_id = models.CharField(_("WhatsApp id"), max_length=64, blank=True)
    idempotency_key = models.CharField(_("idempotency key"), max_length=100, null=True, blank=True)
    # Of a pending message: not before. Of a queued one: when it should leave.
    due_at = models.DateTimeField(_("due"), default=now, db_default=Now())
    typing_ms = models.PositiveIntegerField(
        _("typing (ms)"), default=0, db_default=0, help_text=_("How long “typing…” is shown before it leaves.")
    )
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    exhausted = models.BooleanField(
        _("out of tries"), default=False, db_default=False, help_text=_("Failed every time, but not refused for good.")
    )
    retried_at = models.DateTimeField(
        _("retried by hand"), null=True, blank=True, help_text=_("A failed message can be retried once.")
    )
    lease_epoch = models.BigIntegerField(_("lease epoch"), default=0)
    keeps_id = models.BooleanField(
        _("safe to resend"), default=True, help_text=_("The provider takes our id, so that a repeat is dropped.")
    )
    created_at = models.DateTimeField(_("created"), default=now)
    queued_at = models.DateTimeField(_("queued"), null=True, blank=True)
    leased_at = models.DateTimeField(_("leased"), null=True, blank=True)
    sent_at = models.DateTimeField(_("sent"), null=True, blank=True)
    delivered_at = models.DateTimeField(_("delivered"), null=True, blank=True)
    read_at = models.DateTimeField(_("read"), null=True, blank=True)
    ended_at = models.DateTimeField(_("ended"), null=True, blank=True, help_text=_("Failed, skipped or cancelled."))
    edited_at = models.DateTimeField(
        _("edited"), null=True, blank=True, help_text=_("The former texts are in the content.")
    )
    deleted_at = models.DateTimeField(
        _("deleted"), null=True, blank=True, help_text=_("Taken back by who wrote it; its content is gone.")
    )
    cleared_at = models.DateTimeField(
        _("cleared"),
        null=True,
        blank=True,
        help_text=_("Its text and file are gone: they were kept long enough, or the person was erased."),
    )

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["batch", "phone_number"],
                condition=models.Q(batch__isnull=False) & ~models.Q(phone_number=""),
                name="one_message_a_recipient",
            ),
            models.UniqueConstraint(
                fields=["sender", "whatsapp_id"], condition=models.Q(direction="in"), name="received_once"
            ),
            models.UniqueConstraint(
                fields=["organization", "idempotency_key"],
                condition=models.Q(idempotency_key__isnull=False),
                name="one_message_an_idempotency_key",
            ),
            models.UniqueConstraint(
                fields=["confirms"], condition=models.Q(confirms__isnull=False), name="one_answer_an_opt_out"
            ),
        ]
        indexes = [
            models.Index(
                fields=["batch", "due_at", "id"],
                name="messages_to_plan",
                condition=models.Q(stage=MessageStatus.PENDING),
            ),
            models.Index(
                fields=["sender", "priority", "due_at", "id"],
                name="messages_to_lease",
                condition=models.Q(stage=MessageStatus.QUEUED),
            ),
            models.Index(
                fields=["sender", "phone_number"],
                name="messages_open_in_a_chat",
                condition=models.Q(stage__in=[MessageStatus.QUEUED, MessageStatus.SENDING]),
            ),
            models.Index(
                fields=["sender", "lease_epoch"],
                name="messages_in_flight",
                condition=models.Q(stage=MessageStatus.SENDING),
            ),
            models.Index(fields=["whatsapp_id"], name="messages_by_whatsapp_id", condition=~models.Q(whatsapp_id="")),
            models.Index(fields=["organization", "-id"], name="message_log"),
            models.Index(fields=["organization", "-id"], name="dead_letters", condition=models.Q(exhausted=True)),
            models.Index(fields=["organization", "phone_number", "-id"], name="messages_of_a_person"),
            # Of segments: who wrote, and who was sent something, since when. Receipts change none of these columns.
            models.Index(
                fields=["organization", "created_at"],
                include=["phone_number"],
                name="messages_received",
                condition=models.Q(direction="in", group__isnull=True),
            ),
            models.Index(
                fields=["organization", "sent_at"],
                include=["phone_number"],
                name="messages_sent",
                condition=models.Q(direction="out", stage=MessageStatus.SENT, group__isnull=True),
            ),
            models.Index(
                fields=["organization", "lid"],
                name="messages_without_a_number",
                condition=models.Q(phone_number="") & ~models.Q(lid=""),
            ),
            models.Index(fields=["media"], name="messages_with_a_file", condition=models.Q(media__isnull=False)),
            models.Index(fields=["group", "-id"], name="messages_of_a_group", condition=models.Q(group__isnull=False)),
            models.Index(fields=["batch", "wave"], name="messages_of_a_wave", condition=models.Q(wave__isnull=False)),
            models.Index(
                fields=["batch", "stage", "id"],
                name="messages_that_ended",
                condition=models.Q(stage__gte=MessageStatus.FAILED),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.whom} {self.get_status_display()}"

    @property
    def whom(self) -> str:
        """The person's number, or what there is instead of it: the group, or the LID."""
        if self.phone_number or self.group is not None:
            return self.phone_number or str(self.group)
        if self.lid:
            return f"LID {self.lid}"
        return str(_("No number") if self.cleared_at is None else _("Erased person"))


class BatchOptOut(models.Model):
    """Somebody opted out after a message of this batch: the latest that reached them, within the organization's days."""

    event = models.ForeignKey(OptOutEvent, on_delete=models.CASCADE, related_name="batches", verbose_name=_("opt-out"))
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="opt_outs", verbose_name=_("batch"))
    message = models.OneToOneField(
        Message, on_delete=models.CASCADE, related_name="opt_out", verbose_name=_("message")
    )

    class Meta:
        verbose_name = _("opt-out after a campaign")
        verbose_name_plural = _("opt-outs after campaigns")

    def __str__(self) -> str:
        return f"{self.batch} · {self.event}"


class BatchReply(models.Model):
    """The person answered this message of a batch: the first that they wrote in its chat afterwards, as
    `messaging.replies` defines it. One row an answered message, so that the rows of a batch count people.

    Messages are named without a constraint of the database: emptying a batch of a million would check each of them.
    """

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="replies", db_index=False)
    message = models.OneToOneField(
        Message, on_delete=models.CASCADE, related_name="answer", db_constraint=False, verbose_name=_("message")
    )
    reply = models.ForeignKey(
        Message,
        on_delete=models.DO_NOTHING,
        related_name="answers",
        db_constraint=False,
        db_index=False,
        verbose_name=_("reply"),
    )
    replied_at = models.DateTimeField(_("replied"))

    class Meta:
        verbose_name = _("reply to a campaign")
        verbose_name_plural = _("replies to campaigns")
        indexes = [models.Index(fields=["batch", "message"], name="replies_of_a_batch")]

    def __str__(self) -> str:
        return f"{self.batch} · {self.replied_at:%Y-%m-%d %H:%M} UTC"


class Link(models.Model):
    """A link in the texts of a batch that counts clicks, as it is written: with {{variables}}. `number` names it in short
    links."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="links", db_index=False)
    number = models.PositiveSmallIntegerField(_("number"))
    url = models.TextField(_("leads to"))

    class Meta:
        verbose_name = _("short link")
        verbose_name_plural = _("short links")
        ordering = ["number"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "number"], name="one_link_a_number"),
            models.UniqueConstraint("batch", MD5("url"), name="one_number_a_link"),
        ]

    def __str__(self) -> str:
        return self.url


class Click(models.Model):
    """Somebody followed a link of a message: `number` times, as a person or as a bot (`reason`). No address and no
    browser is kept."""

    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="clicks", db_index=False)
    link = models.ForeignKey(
        Link, on_delete=models.CASCADE, related_name="clicks", db_index=False, verbose_name=_("link")
    )
    message = models.ForeignKey(
        Message,
        on_delete=models.CASCADE,
        related_name="clicks",
        db_constraint=False,
        db_index=False,
        verbose_name=_("message"),
    )
    is_bot = models.BooleanField(_("by a bot"))
    reason = models.CharField(_("taken for a bot because"), max_length=12, blank=True)
    number = models.PositiveIntegerField(_("times"), default=1)
    first_at = models.DateTimeField(_("first"), default=now)
    last_at = models.DateTimeField(_("last"), default=now)

    class Meta:
        verbose_name = _("click")
        verbose_name_plural = _("clicks")
        constraints = [models.UniqueConstraint(fields=["message", "link", "is_bot"], name="one_click_row_a_link")]
        indexes = [models.Index(fields=["batch", "is_bot", "message"], name="clicks_of_a_batch")]

    def __str__(self) -> str:
        return f"{self.batch} · {self.first_at:%Y-%m-%d %H:%M} UTC"


class MessageTemplate(models.Model):
    """A text that is used again, perhaps with a file. What it says now is its newest version."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="message_templates")
    folder = models.CharField(_("folder"), max_length=80, blank=True)
    name = models.CharField(_("name"), max_length=120)
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True)
    created_at = models.DateTimeField(_("created"), default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("template")
        verbose_name_plural = _("templates")
        ordering = ["folder", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "folder", "name"],
                condition=models.Q(archived_at=None),
                name="one_template_a_name",
            )
        ]

    def __str__(self) -> str:
        return f"{self.folder} / {self.name}" if self.folder else self.name


class TemplateVersion(models.Model):
    """What a template said at a time. Versions never change: who used one can always look it up."""

    template = models.ForeignKey(MessageTemplate, on_delete=models.CASCADE, related_name="versions", db_index=False)
    number = models.PositiveIntegerField(_("version"))
    text = models.TextField(
        _("text"), blank=True, help_text=_("With {{variables}}; the caption where there is a file.")
    )
    kind = models.CharField(_("kind"), max_length=12, choices=Kind.choices, default=Kind.TEXT)
    media = models.ForeignKey(
        Media,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="template_versions",
        verbose_name=_("file"),
    )
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("created"), default=now, editable=False)

    class Meta:
        verbose_name = _("version of a template")
        verbose_name_plural = _("versions of templates")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["template", "number"], name="one_version_a_number")]

    def __str__(self) -> str:
        return f"{self.template} · {self.number}"
