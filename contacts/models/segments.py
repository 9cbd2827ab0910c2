"""Saved filters over people."""

from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, OrganizationQuerySet, User


class Segment(models.Model):
    """People chosen by what is known of them. Nobody is stored in it: whoever fits the filter now is in it now.

    `filter` is as `contacts.segments.trees` describes. `people` is what was counted at `counted_at`, None before.
    """

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="segments")
    name = models.CharField(_("name"), max_length=120)
    filter = models.JSONField(_("filter"))
    people = models.PositiveIntegerField(_("people"), null=True, blank=True, editable=False)
    counted_at = models.DateTimeField(_("counted"), null=True, blank=True, editable=False)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    updated_at = models.DateTimeField(default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("segment")
        verbose_name_plural = _("segments")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["organization", "name"], name="one_segment_a_name")]

    def __str__(self) -> str:
        return self.name
