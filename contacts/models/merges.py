"""Contacts that turned out to be one person: the further numbers that stay with them, and how to undo it."""

from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, OrganizationQuerySet
from contacts.models.people import Contact


class OtherNumber(models.Model):
    """A number (or a LID) of a contact besides the one that messages go to. Who writes from it is that contact.

    Of a number that is both a contact's own and here, the contact whose own it is has it.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="other_numbers", db_index=False
    )
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="other_numbers")
    phone_number = models.CharField(_("phone number"), max_length=16, blank=True)
    lid = models.CharField("LID", max_length=32, blank=True, default="", db_default="")
    created_at = models.DateTimeField(default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("other number")
        verbose_name_plural = _("other numbers")
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "phone_number"],
                condition=~models.Q(phone_number=""),
                name="other_number_of_one_contact",
            ),
            models.UniqueConstraint(
                fields=["organization", "lid"], condition=~models.Q(lid=""), name="other_lid_of_one_contact"
            ),
            models.CheckConstraint(
                condition=~models.Q(phone_number="", lid=""), name="other_number_has_a_number_or_a_lid"
            ),
        ]

    def __str__(self) -> str:
        return self.phone_number or f"LID {self.lid}"


class ContactMerge(models.Model):
    """Two contacts made one, with what it takes to part them again. Kept for `contacts.merges.UNDO_DAYS` days.

    `before` holds, as `contacts.merges` wrote them, both contacts as they were and whatever moved or was dropped.
    """

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="contact_merges", db_index=False
    )
    kept = models.ForeignKey(Contact, on_delete=models.CASCADE, related_name="merges", verbose_name=_("kept"))
    other_id = models.BigIntegerField(_("id of the other"))
    before = models.JSONField(_("before"), default=dict)
    source = models.CharField(_("by"), max_length=200, blank=True)
    at = models.DateTimeField(_("when"), default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("merge of contacts")
        verbose_name_plural = _("merges of contacts")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["organization", "-id"], name="merges_newest_first"),
            models.Index(fields=["at"], name="merges_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kept} · {self.at:%Y-%m-%d}"
