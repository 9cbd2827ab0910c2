"""The stage of a rehearsal: a schema with the product's own tables, and in them copies of what concerns one campaign.

On the connection that set it up, each table's name means the stage's table. The product's code runs there as it is, and
never meets the rows that were copied. The organization has another id there, so that the real one's locks stay free.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.apps import apps
from django.db import connection, models, transaction
from django.db.utils import ProgrammingError
from django.utils.translation import gettext as _

from accounts.models import Organization
from campaigns.models import Campaign
from campaigns.rehearsals import CannotRehearse
from contacts.models import BlocklistEntry, Consent, Contact, ContactSettings, ErasedNumber, OtherNumber
from messaging import counts
from messaging.models import Batch, BatchStatus, Experiment, Link, Message, MessageStatus, Variant
from senders.models import NumberCheck, Sender, SenderStatus, SenderUsage

APPS = ("accounts", "contacts", "senders", "messaging", "session_service", "campaigns")
PREFIX = "rehearsal_"


def schema_of(rehearsal_id: int) -> str:
    return f"{PREFIX}{rehearsal_id}"


@contextmanager
def built(rehearsal_id: int, campaign: Campaign) -> Iterator[str]:
    """Builds the stage and gives its schema; takes it down afterwards. Raises `CannotRehearse` where the database user
    may not create one. The connection still looks at the real tables."""
    schema = schema_of(rehearsal_id)
    take_down(rehearsal_id)
    try:
        with transaction.atomic():
            _build(schema)
            _Copier(schema, rehearsal_id, campaign).copy()
    except ProgrammingError as error:
        if "permission denied" not in str(error):
            raise
        text = _("The database user may not create schemas. Let an administrator grant it CREATE on the database.")
        raise CannotRehearse(text) from error
    try:
        yield schema
    finally:
        take_down(rehearsal_id)


def take_down(rehearsal_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'DROP SCHEMA IF EXISTS "{schema_of(rehearsal_id)}" CASCADE')


def left_over() -> list[int]:
    """The rehearsals whose stage still stands."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nspname FROM pg_namespace WHERE nspname ~ %s", [f"^{PREFIX}[0-9]+$"])
        return [int(name.removeprefix(PREFIX)) for (name,) in cursor.fetchall()]


def _build(schema: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE SCHEMA "{schema}"')
        for model in _models():
            table = model._meta.db_table
            cursor.execute(f'CREATE UNLOGGED TABLE "{schema}"."{table}" (LIKE "{table}" INCLUDING ALL)')


def _models() -> list[type[models.Model]]:
    return [model for label in APPS for model in apps.get_app_config(label).get_models(include_auto_created=True)]


class _Copier:
    """Copies one campaign and what its sending depends on. The campaigns that share its senders come along, with what
    they have left, and so do earlier messages where the organization caps how many a person gets."""

    def __init__(self, schema: str, rehearsal_id: int, campaign: Campaign) -> None:
        self.schema = schema
        self.organization = campaign.organization
        self.campaign = campaign
        self.values: dict[str, int | str] = {
            "stage": -rehearsal_id,
            "organization": campaign.organization_id,
            "campaign": campaign.pk,
            "batch": campaign.batch_id,
            "pending": MessageStatus.PENDING,
            "queued": MessageStatus.QUEUED,
            "connected": SenderStatus.CONNECTED,
            "running": BatchStatus.RUNNING,
            "cap_days": campaign.organization.cap_days or 0,
        }

    def copy(self) -> None:
        mine = "row.organization_id = %(organization)s"
        self._copy(Organization, "row.id = %(organization)s", id="%(stage)s")
        self._copy(ContactSettings, mine)
        self._copy(ErasedNumber, mine)
        self._copy_senders(mine)
        self._copy_batches()
        self._copy_messages()
        self._copy_people(mine)
        self._copy(Campaign, "row.id = %(campaign)s")
        with connection.cursor() as cursor:
            for model in _models():
                self._continue_ids(cursor, model)

    def _copy_senders(self, mine: str) -> None:
        in_pool = "row.id IN (SELECT sender_id FROM messaging_batch_senders WHERE batch_id = %(batch)s)"
        self._copy(
            Sender,
            mine,
            status=f"CASE WHEN {in_pool} THEN %(connected)s ELSE row.status END",
            wanted=f"row.wanted OR {in_pool}",
        )
        self._copy(SenderUsage, self._among("sender_id", Sender))

    def _copy_batches(self) -> None:
        rivals = """row.organization_id = %(organization)s AND row.status = %(running)s AND EXISTS (
            SELECT FROM messaging_batch_senders AS his JOIN messaging_batch_senders AS ours USING (sender_id)
            WHERE his.batch_id = row.id AND ours.batch_id = %(batch)s)"""
        self._copy(Batch, f"row.id = %(batch)s OR ({rivals})")
        for model in (Batch.senders.through, Variant, Experiment, Link):
            self._copy(model, self._among("batch_id", Batch))

    def _copy_messages(self) -> None:
        self._copy(Message, "row.batch_id = %(batch)s")
        others = self._among("batch_id", Batch)
        self._copy(Message, f"{others} AND row.batch_id <> %(batch)s AND row.status IN (%(pending)s, %(queued)s)")
        if self.organization.cap_messages and self.organization.cap_days:
            self._copy(
                Message,
                f"""row.organization_id = %(organization)s AND row.direction = 'out' AND row.batch_id IS NOT NULL
                AND row.stage IN (20, 30, 40) AND row.due_at > now() - %(cap_days)s * interval '1 day'
                AND {self._to_them()}""",
            )

    def _copy_people(self, mine: str) -> None:
        them = f"{mine} AND {self._to_them()}"
        for model in (Contact, Consent, BlocklistEntry, NumberCheck):
            self._copy(model, them)
        self._copy(OtherNumber, self._among("contact_id", Contact))

    def _to_them(self) -> str:
        return f'row.phone_number IN (SELECT phone_number FROM "{self.schema}".{Message._meta.db_table})'

    def _among(self, column: str, model: type[models.Model]) -> str:
        """Rows of those that were copied."""
        return f'row.{column} IN (SELECT id FROM "{self.schema}".{model._meta.db_table})'

    def _copy(self, model: type[models.Model], where: str, **instead: str) -> None:
        """Copies the rows that fulfil `where`; `instead` gives other values to columns, in SQL."""
        table = model._meta.db_table
        columns = [
            str(field.column) for field in model._meta.concrete_fields if not getattr(field, "generated", False)
        ]
        instead = {"organization_id": "%(stage)s"} | instead
        values = [instead.get(column, f'row."{column}"') for column in columns]
        names = ", ".join(f'"{column}"' for column in columns)
        with connection.cursor() as cursor:
            cursor.execute(
                f'INSERT INTO "{self.schema}"."{table}" ({names}) SELECT {", ".join(values)} FROM "{table}" AS row'
                f" WHERE {where} ON CONFLICT DO NOTHING",
                self.values,
            )

    def _continue_ids(self, cursor: Any, model: type[models.Model]) -> None:
        """New rows follow the copied ones."""
        table, key = f'"{self.schema}"."{model._meta.db_table}"', model._meta.pk
        if isinstance(key, models.AutoField | models.BigAutoField):
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence(%s, %s), (SELECT GREATEST(max({key.column}), 0) + 1 FROM {table}),"
                " FALSE)",
                [table, key.column],
            )


def count_anew() -> None:
    """Makes the counters of the copied batches say what was copied. On the stage."""
    for batch_id in Batch.objects.values_list("pk", flat=True):
        counts.rebuild(batch_id)
