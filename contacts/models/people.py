"""People and the lists they are on."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVector
from django.db import models
from django.db.models.functions import Reverse
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, OrganizationQuerySet


class Contact(models.Model):
    """A person with one phone number and named attributes (all values are text).

    WhatsApp also knows people by a LID, and shows some by nothing else: such a contact has no number until it is known.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="contacts", db_index=False)
    phone_number = models.CharField(
        _("phone number"), max_length=16, blank=True, help_text=_("International, such as +62812…")
    )
    lid = models.CharField(
        "LID",
        max_length=32,
        blank=True,
        default="",
        db_default="",
        help_text=_("WhatsApp's other name for the person."),
    )
    name = models.CharField(_("name"), max_length=200, blank=True)
    attributes = models.JSONField(_("attributes"), default=dict, blank=True)
    # Sorted, each once, as `contacts.tags.tag_name` writes them.
    tags: ArrayField = ArrayField(
        models.CharField(max_length=50), verbose_name=_("tags"), default=list, db_default=[], blank=True
    )
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact")
        verbose_name_plural = _("contacts")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "phone_number"],
                condition=~models.Q(phone_number=""),
                name="one_contact_a_number",
                violation_error_message=_("Another contact already has this number."),
            ),
            models.UniqueConstraint(
                fields=["organization", "lid"], condition=~models.Q(lid=""), name="one_contact_a_lid"
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "-id"], name="contacts_newest_first"),
            GinIndex(fields=["tags"], name="contacts_by_tag"),
            GinIndex(SearchVector("name", config="simple"), name="contacts_by_word"),
            models.Index(models.F("organization"), Reverse("phone_number"), name="contacts_by_ending"),
        ]

    def __str__(self) -> str:
        return self.name or self.phone_number or f"LID {self.lid}"


class ContactList(models.Model):
    """A named set of contacts, filled by imports or by hand."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="contact_lists")
    name = models.CharField(_("name"), max_length=120)
    contacts: models.ManyToManyField = models.ManyToManyField(
        Contact, through="ContactListMember", related_name="lists", verbose_name=_("contacts")
    )
    created_at = models.DateTimeField(default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("contact list")
        verbose_name_plural = _("contact lists")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="one_list_a_name")]

    def __str__(self) -> str:
        return self.name


class ContactListMember(models.Model):
    contact_list = models.ForeignKey(ContactList, on_delete=models.CASCADE, db_index=False)
    contact = models.ForeignKey(Contact, on_delete=models.CASCADE)

    class Meta:
        verbose_name = _("member of a list")
        verbose_name_plural = _("members of lists")
        constraints = [models.UniqueConstraint(fields=["contact_list", "contact"], name="once_on_a_list")]

    def __str__(self) -> str:
        return f"{self.contact_list} · {self.contact}"
