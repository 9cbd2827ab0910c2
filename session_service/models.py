"""Who holds which session: workers and their leases."""

from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from senders.models import Sender


class SessionWorker(models.Model):
    """One process of the session service. It is alive while its heartbeat is recent."""

    name = models.CharField(_("name"), max_length=120, help_text=_("Host and process id."))
    capacity = models.PositiveIntegerField(_("capacity"), help_text=_("The most sessions it takes."))
    started_at = models.DateTimeField(_("started"), default=now)
    heartbeat_at = models.DateTimeField(_("last heartbeat"), default=now)
    draining = models.BooleanField(
        _("draining"), default=False, help_text=_("Hands its sessions over and takes none.")
    )
    breakers = models.JSONField(
        _("circuit breakers"), default=dict, blank=True, help_text=_("Endpoint to state, as of the last heartbeat.")
    )
    stopped_at = models.DateTimeField(_("stopped"), null=True, blank=True)

    class Meta:
        verbose_name = _("session worker")
        verbose_name_plural = _("session workers")
        ordering = ["-heartbeat_at"]

    def __str__(self) -> str:
        return self.name


class SessionLease(models.Model):
    """The right to open one sender's session: two owners would corrupt its keys and get the number banned.

    `epoch` grows with every change of owner (a fencing token): a write that carries an older one changes nothing.
    """

    sender = models.OneToOneField(Sender, on_delete=models.CASCADE, primary_key=True, related_name="lease")
    worker = models.ForeignKey(SessionWorker, on_delete=models.SET_NULL, null=True, blank=True, related_name="leases")
    epoch = models.BigIntegerField(_("epoch"), default=0)
    expires_at = models.DateTimeField(_("expires"), default=now)

    class Meta:
        verbose_name = _("session lease")
        verbose_name_plural = _("session leases")
        indexes = [models.Index(fields=["worker", "expires_at"], name="leases_of_a_worker")]

    def __str__(self) -> str:
        return str(self.sender)
