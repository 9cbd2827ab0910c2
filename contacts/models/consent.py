"""Who agreed to be messaged, and who took that back."""

from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, OrganizationQuerySet
from contacts.models.imports import ListImport

SOURCE_LENGTH = 200
EVIDENCE_LENGTH = 1000


class Told(models.Model):
    """One time that a person agreed, or took it back: `at` is when they said it, `source` where, `evidence` how that
    can be shown, such as the words that were written."""

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="+", db_index=False)
    phone_number = models.CharField(_("phone number"), max_length=16)
    is_given = models.BooleanField(_("agreed"))
    source = models.CharField(_("source"), max_length=SOURCE_LENGTH, blank=True)
    evidence = models.CharField(_("evidence"), max_length=EVIDENCE_LENGTH, blank=True)
    at = models.DateTimeField(_("at"), default=now)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.phone_number}: {_('agreed') if self.is_given else _('took it back')}"


class Consent(Told):
    """What holds for a number now: the last thing that its owner said. Numbers without a row never said anything."""

    class Meta:
        verbose_name = _("consent")
        verbose_name_plural = _("consents")
        ordering = ["-at", "-id"]
        constraints = [models.UniqueConstraint(fields=["organization", "phone_number"], name="one_consent_a_number")]
        indexes = [models.Index(fields=["organization", "-at", "-id"], name="consents_newest_first")]


class ConsentChange(Told):
    """Everything that the owner of a number said, in the order in which we learned of it. Never changed; what an import
    said goes when the import is undone."""

    list_import = models.ForeignKey(
        ListImport, on_delete=models.SET_NULL, null=True, blank=True, related_name="+", db_index=False, editable=False
    )
    recorded_at = models.DateTimeField(_("recorded"), default=now, editable=False)

    class Meta:
        verbose_name = _("change of consent")
        verbose_name_plural = _("changes of consent")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["organization", "phone_number", "-id"], name="consent_of_a_person"),
            models.Index(
                fields=["list_import"], name="consent_of_an_import", condition=models.Q(list_import__isnull=False)
            ),
        ]
