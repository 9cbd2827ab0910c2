"""Campaigns: what marketers plan, start and watch. The sending itself belongs to the campaign's batch."""

from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, OrganizationQuerySet, User
from contacts.models import ContactList, ListImport, Segment
from messaging.models import Batch


class CampaignStatus(models.TextChoices):
    """`reading` and `failed` are the campaign's own; the rest mirrors its batch (see `Campaign.status`)."""

    READING = "reading", _("Reading the list")
    FAILED = "failed", _("List not usable")
    READY = "ready", _("Ready")
    RUNNING = "running", _("Running")
    PAUSED = "paused", _("Paused")
    COMPLETED = "completed", _("Completed")
    CANCELLED = "cancelled", _("Cancelled")


class Campaign(models.Model):
    """One text to many people. `batch` holds the text, the senders and the pace from the first moment, and the
    frozen audience (a message a person) as soon as the list is read.

    The people are those on `contact_list`, in `segment` and in the uploaded sheet, less those who are excluded. Who is in
    a segment is decided when the audience is fixed; `segment_summary` says in words what its filter was then.

    Where a person stands both in contacts and in the uploaded sheet, the sheet's values win; inside the
    sheet the last row wins. `merged` counts the rows that gave way, `invalid_rows` those without a usable number.
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
    start_when_ready = models.BooleanField(_("start as soon as the list is read"), default=False)
    frozen_at = models.DateTimeField(_("audience frozen"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)
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
        return self.name

    @property
    def status(self) -> str:
        """One of `CampaignStatus`. Reads `batch`: fetch it with `select_related`."""
        if self.error:
            return CampaignStatus.FAILED
        if self.frozen_at is None and self.batch.status != CampaignStatus.CANCELLED:
            return CampaignStatus.READING
        return self.batch.status
