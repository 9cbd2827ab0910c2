"""Who holds which session: workers, their leases, and what keeps a number linked."""

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
    connected = models.PositiveIntegerField(
        _("connected sessions"), default=0, help_text=_("Of those it holds, as of the last heartbeat.")
    )
    cpu_percent = models.FloatField(_("CPU"), default=0, help_text=_("Percent of one core, with its child processes."))
    memory_bytes = models.BigIntegerField(
        _("memory"), default=0, help_text=_("Resident memory in bytes, with its child processes.")
    )
    messages_a_minute = models.PositiveIntegerField(
        _("messages a minute"), default=0, help_text=_("Acknowledged by WhatsApp's servers in the last 60 seconds.")
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


class AuthState(models.Model):
    """Encrypted JSON, as `session_service.auth_state.encryption` makes and reads it."""

    data = models.BinaryField(_("data"))
    encrypted_with = models.IntegerField(_("mark of the key"), help_text=_("Names a key of AUTH_STATE_KEYS."))
    format = models.PositiveSmallIntegerField(_("format"))

    class Meta:
        abstract = True


class AuthCredentials(AuthState):
    """The identity of one linked device. Whoever has it can write in the number's name."""

    sender = models.OneToOneField(Sender, on_delete=models.CASCADE, primary_key=True, related_name="auth_credentials")
    saved_at = models.DateTimeField(_("saved"), default=now)
    backed_up_at = models.DateTimeField(_("last backup"), null=True, blank=True)
    backup_problem = models.CharField(_("why there was no newer backup"), max_length=300, blank=True)

    class Meta:
        verbose_name = _("credentials of a session")
        verbose_name_plural = _("credentials of sessions")

    def __str__(self) -> str:
        return str(self.sender)


class AuthKey(AuthState):
    """One Signal key of a sender, by Baileys' type and id: about a thousand for each sender.

    Read and written by its primary key only. The table has no other index and keeps room in its pages, so that the
    new version of a ratchet, which every message makes, touches no index.
    """

    pk = models.CompositePrimaryKey("sender_id", "type", "key_id")
    sender = models.ForeignKey(Sender, on_delete=models.CASCADE, related_name="auth_keys", db_index=False)
    type = models.TextField(_("type"), db_collation="C")
    key_id = models.TextField(_("id"), db_collation="C")

    class Meta:
        verbose_name = _("key of a session")
        verbose_name_plural = _("keys of sessions")
