"""What an organization knows about people: its attributes with their types."""

from django.db import models
from django.db.models.functions import Now
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, OrganizationQuerySet


class AttributeKind(models.TextChoices):
    """What the values of an attribute are. They are stored as text, in the one form that `contacts.values` gives."""

    TEXT = "text", _("Text")
    NUMBER = "number", _("Number")
    DATE = "date", _("Date")
    YES_NO = "yes_no", _("Yes or no")


class AttributeDefinition(models.Model):
    """One attribute of an organization's contacts. Made as text by itself where an import or a program brings a new key.

    While values are being rewritten for another type, `wanted_kind` says for which; until then `kind` holds.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="attribute_definitions")
    key = models.CharField(_("variable"), max_length=200, help_text=_("What texts write in {{…}}."))
    label = models.CharField(_("name"), max_length=200, blank=True, help_text=_("As people call it."))
    kind = models.CharField(_("type"), max_length=10, choices=AttributeKind.choices, default=AttributeKind.TEXT)
    wanted_kind = models.CharField(
        _("becomes"), max_length=10, choices=AttributeKind.choices, blank=True, default="", editable=False
    )
    created_at = models.DateTimeField(default=now, db_default=Now(), editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("attribute")
        verbose_name_plural = _("attributes")
        ordering = ["key"]
        constraints = [models.UniqueConstraint(fields=["organization", "key"], name="one_definition_an_attribute")]

    def __str__(self) -> str:
        return self.label or self.key
