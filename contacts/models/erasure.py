"""People who were erased: the work of erasing them, and what still keeps them from being messaged."""

from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, OrganizationQuerySet
from contacts.models.blocklist import BlocklistEntry


class Erasure(models.Model):
    """Everything about one person is being removed, or was. Who it was stands here only until it is done."""

    class Status(models.TextChoices):
        WAITING = "waiting", _("Waiting")  # nothing is removed yet; `waits_for` says what must end first
        REMOVING = "removing", _("Removing")  # the database forgot the person; the storage is still to follow
        DONE = "done", _("Done")  # a last look found nothing, neither rows nor files

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="erasures")
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.WAITING)
    waits_for = models.CharField(_("waits for"), max_length=300, blank=True)
    contact_ids = models.JSONField(default=list, blank=True)
    phone_numbers = models.JSONField(default=list, blank=True)
    lids = models.JSONField(default=list, blank=True)
    names = models.JSONField(default=list, blank=True)
    files = models.JSONField(_("files to remove"), default=list, blank=True)
    stays_unreachable = models.BooleanField(
        _("stays unreachable"), default=True, help_text=_("A keyed hash keeps the number from being messaged again.")
    )
    removed = models.JSONField(
        _("removed"), default=dict, blank=True, help_text=_("Rows and files, by what they were.")
    )
    asked_by = models.CharField(_("asked for by"), max_length=200, blank=True)
    created_at = models.DateTimeField(_("asked for"), default=now, editable=False)
    tried_at = models.DateTimeField(_("last try"), null=True, blank=True)
    removed_at = models.DateTimeField(
        _("removed"), null=True, blank=True, help_text=_("When something was last found.")
    )
    finished_at = models.DateTimeField(_("done"), null=True, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("erasure")
        verbose_name_plural = _("erasures")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["id"], name="erasures_to_go_on_with", condition=models.Q(status__in=["waiting", "removing"])
            )
        ]

    def __str__(self) -> str:
        return _("Erasure %(number)s") % {"number": self.pk}

    @property
    def shown_removed(self) -> list[tuple[str, int]]:
        """What was removed, in words."""
        words = {
            "contacts": _("Rows about the person"),
            "number_checks": _("Questions to WhatsApp"),
            "messages": _("Messages"),
            "session_keys": _("Keys of encrypted chats"),
            "files": _("Files"),
        }
        return [(str(words.get(name, name)), number) for name, number in self.removed.items()]


class ErasedNumber(models.Model):
    """A number or LID that must never be messaged although nobody knows it any more: see `contacts.unreachable`."""

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="erased_numbers", db_index=False
    )
    fingerprint = models.CharField(_("fingerprint"), max_length=64, help_text=_("A keyed hash."))
    reason = models.CharField(_("reason"), max_length=10, choices=BlocklistEntry.Reason.choices)
    created_at = models.DateTimeField(default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("erased number")
        verbose_name_plural = _("erased numbers")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "fingerprint"], name="one_fingerprint_a_number")
        ]

    def __str__(self) -> str:
        return f"{self.fingerprint[:8]}…"
