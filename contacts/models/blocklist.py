"""The numbers that must never be messaged."""

from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, OrganizationQuerySet


class BlocklistEntry(models.Model):
    """A number that must never be messaged. Enforced at import, when planning, and when a message is leased."""

    class Reason(models.TextChoices):
        BLOCKED = "blocked", _("Blocked by staff")
        OPTED_OUT = "opted_out", _("Asked not to be messaged")

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="blocklist")
    phone_number = models.CharField(_("phone number"), max_length=16)
    reason = models.CharField(_("reason"), max_length=10, choices=Reason.choices, default=Reason.BLOCKED)
    source = models.CharField(_("source"), max_length=200, blank=True, help_text=_("Who or what asked for it."))
    created_at = models.DateTimeField(default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("blocked number")
        verbose_name_plural = _("blocklist")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["organization", "phone_number"], name="blocked_once")]

    def __str__(self) -> str:
        return self.phone_number
