"""What happened to a contact, besides messages: lists, tags, edits, merges, opt-outs, consent."""

from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from contacts.models.people import Contact


class ContactEvent(models.Model):
    """One thing that happened to a contact, for its timeline. Written by `contacts.events`, never changed.

    `detail` holds what the kind needs: `{"list": id, "name"}` of lists, `{"tags": [names]}` of tags, `{"changes":
    {field: {"from", "to"}}}` of edits, `{"name", "phone_number"}` of who was merged, `{"text", "message": id}` of what
    the person wrote to stop or to return. It goes with its contact, so that it may hold numbers and names.
    """

    class Kind(models.TextChoices):
        CREATED = "created", _("Added")
        EDITED = "edited", _("Changed")
        LIST_ADDED = "list_added", _("Put on a list")
        LIST_REMOVED = "list_removed", _("Taken off a list")
        TAGS_ADDED = "tags_added", _("Tagged")
        TAGS_REMOVED = "tags_removed", _("Tags removed")
        IMPORTED = "imported", _("Imported")
        MERGED = "merged", _("Merged")
        UNMERGED = "unmerged", _("Merge undone")
        BLOCKED = "blocked", _("Blocked")
        UNBLOCKED = "unblocked", _("Unblocked")
        OPTED_OUT = "opted_out", _("Asked not to be messaged")
        OPTED_IN = "opted_in", _("Asked to be messaged again")
        CONSENT_GIVEN = "consent_given", _("Consent given")
        CONSENT_WITHDRAWN = "consent_withdrawn", _("Consent withdrawn")

    # The contact's organization is the event's: a column of its own would cost every bulk write a check.
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="events", db_index=False)
    kind = models.CharField(_("what happened"), max_length=20, choices=Kind.choices)
    source = models.CharField(_("by"), max_length=200, blank=True, help_text=_("Who or what did it."))
    detail = models.JSONField(_("detail"), default=dict, db_default={}, blank=True)
    at = models.DateTimeField(_("when"), default=now, editable=False)

    class Meta:
        verbose_name = _("event of a contact")
        verbose_name_plural = _("events of contacts")
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["contact", "-at", "-id"], name="events_of_a_contact")]

    def __str__(self) -> str:
        return f"{self.contact} · {self.get_kind_display()}"
