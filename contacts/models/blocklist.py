"""The people who must never be messaged, and the history of how they left and returned."""

from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, OrganizationQuerySet


class AskedBy(models.TextChoices):
    """Which way a number came onto the blocklist, or off it."""

    STAFF = "staff", _("Staff")
    IMPORT = "import", _("Uploaded list")
    API = "api", _("API")
    FLOW = "flow", _("Flow")
    KEYWORD = "keyword", _("Their own message")


class BlocklistEntry(models.Model):
    """A person who must never be messaged. Enforced at import, when planning, and when a message is leased.

    A person whom WhatsApp shows by LID only has no `phone_number` (None) until it is known. The person's own wish
    (`opted_out`) outweighs what staff decided, which `blocked_by_staff` then remembers: such a person cannot return by
    themself.
    """

    class Reason(models.TextChoices):
        BLOCKED = "blocked", _("Blocked by staff")
        OPTED_OUT = "opted_out", _("Asked not to be messaged")

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="blocklist")
    phone_number = models.CharField(_("phone number"), max_length=16, null=True)
    lid = models.CharField("LID", max_length=32, blank=True, default="", db_default="")
    reason = models.CharField(_("reason"), max_length=10, choices=Reason.choices, default=Reason.BLOCKED)
    blocked_by_staff = models.BooleanField(_("blocked by staff as well"), default=False, db_default=False)
    asked_by = models.CharField(
        _("way"), max_length=10, choices=AskedBy.choices, default=AskedBy.STAFF, db_default=AskedBy.STAFF.value
    )
    source = models.CharField(_("source"), max_length=200, blank=True, help_text=_("Who or what asked for it."))
    evidence_text = models.TextField(_("their message"), blank=True, default="", db_default="")
    evidence_id = models.CharField(
        _("WhatsApp id of their message"), max_length=64, blank=True, default="", db_default=""
    )
    evidence_at = models.DateTimeField(_("written"), null=True, blank=True)
    created_at = models.DateTimeField(default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("blocked number")
        verbose_name_plural = _("blocklist")
        ordering = ["-id"]
        constraints = [
            # Numbers that are not known are None, so that they neither collide nor match anybody.
            models.UniqueConstraint(fields=["organization", "phone_number"], name="blocked_once"),
            models.UniqueConstraint(
                fields=["organization", "lid"],
                condition=models.Q(phone_number=None) & ~models.Q(lid=""),
                name="blocked_once_by_lid",
            ),
            models.CheckConstraint(
                condition=models.Q(phone_number__isnull=False) & ~models.Q(phone_number="")
                | models.Q(phone_number=None) & ~models.Q(lid=""),
                name="blocked_by_number_or_lid",
            ),
        ]
        indexes = [models.Index(fields=["organization", "lid"], name="blocked_lids", condition=~models.Q(lid=""))]

    def __str__(self) -> str:
        return self.phone_number or f"LID {self.lid}"


class OptOutEvent(models.Model):
    """One step of a person's way out and back. Kept when they return: `BlocklistEntry` is only the present state."""

    class Kind(models.TextChoices):
        OPTED_OUT = "opted_out", _("Opted out")
        OPTED_IN = "opted_in", _("Returned")
        REMOVED = "removed", _("Taken off the blocklist by staff")

    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="opt_out_events", db_index=False
    )
    kind = models.CharField(_("what happened"), max_length=10, choices=Kind.choices)
    phone_number = models.CharField(_("phone number"), max_length=16, blank=True, default="")
    lid = models.CharField("LID", max_length=32, blank=True, default="")
    asked_by = models.CharField(_("way"), max_length=10, choices=AskedBy.choices)
    source = models.CharField(_("source"), max_length=200, blank=True)
    text = models.TextField(_("their message"), blank=True)
    whatsapp_id = models.CharField(_("WhatsApp id of their message"), max_length=64, blank=True)
    at = models.DateTimeField(_("at"), default=now, help_text=_("When the person wrote, where they did."))
    created_at = models.DateTimeField(default=now, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("opt-out or return")
        verbose_name_plural = _("opt-outs and returns")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["organization", "-id"], name="opt_outs_newest_first"),
            models.Index(
                fields=["organization", "phone_number", "-id"],
                name="opt_outs_of_a_number",
                condition=~models.Q(phone_number=""),
            ),
            models.Index(fields=["organization", "lid", "-id"], name="opt_outs_of_a_lid", condition=~models.Q(lid="")),
        ]

    def __str__(self) -> str:
        return f"{self.phone_number or f'LID {self.lid}'} · {self.get_kind_display()}"
