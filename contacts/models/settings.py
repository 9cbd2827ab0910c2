"""What an organization decides about its people: how they leave and return, who must agree, what is kept how long."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, OrganizationQuerySet

OPT_OUT_RATE_DAYS = 7


class ContactSettings(models.Model):
    """One row an organization, made when somebody first changes something: without it, the defaults count.

    Read it with `contacts.queries.settings_of`. In SQL, join it with LEFT JOIN. Words that are None and texts that are
    empty are the product's, as `contacts.opt_out_words` and `contacts.opt_out_texts` have them.
    """

    organization = models.OneToOneField(
        Organization, on_delete=models.CASCADE, primary_key=True, related_name="contact_settings"
    )
    opt_out_words = models.JSONField(
        _("words that opt out"), null=True, blank=True, help_text=_("None: the product's own.")
    )
    opt_in_words = models.JSONField(
        _("words that return"), null=True, blank=True, help_text=_("None: the product's own.")
    )
    language = models.CharField(
        _("language of the texts"), max_length=8, blank=True, help_text=_("Empty: that of the phone region.")
    )
    opt_out_reply = models.TextField(_("answer to who opts out"), blank=True)
    opt_in_reply = models.TextField(_("answer to who returns"), blank=True)
    unsubscribe_text = models.TextField(_("text of {{unsubscribe}}"), blank=True)
    opt_out_rate_days = models.PositiveSmallIntegerField(
        _("days for the opt-out rate"),
        default=OPT_OUT_RATE_DAYS,
        db_default=OPT_OUT_RATE_DAYS,
        help_text=_("Who opts out so long after a campaign's message counts for that campaign."),
    )
    marketing_needs_consent = models.BooleanField(
        _("marketing needs consent"),
        default=False,
        db_default=False,
        help_text=_("Marketing goes only to people who agreed; everybody else is skipped, also what waits already."),
    )
    texts_kept_days = models.PositiveIntegerField(
        _("texts kept (days)"), null=True, blank=True, help_text=_("Empty: for ever.")
    )
    contacts_kept_days = models.PositiveIntegerField(
        _("people kept without activity (days)"), null=True, blank=True, help_text=_("Empty: for ever.")
    )
    # Of the messages up to this id, all that are old enough have lost their texts: `messaging.retention`.
    texts_cleared_up_to = models.BigIntegerField(default=0, db_default=0, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("settings for contacts")
        verbose_name_plural = _("settings for contacts")

    def __str__(self) -> str:
        return str(self.organization)
