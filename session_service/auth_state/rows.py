"""Every statement on rows of auth state. Writes name the lease (worker and epoch) that allows them."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from messaging.sql import numbers, texts
from session_service.auth_state.encryption import FORMAT, Cipher, cipher

KeyName = tuple[str, str]  # type and id, as Baileys names a key


@dataclass
class SenderWrites:
    """What is to be written of one sender under one lease. A key of None is to be deleted."""

    epoch: int
    keys: dict[KeyName, str | None] = field(default_factory=dict)
    credentials: str | None = None
    saved: "list[asyncio.Future[bool]]" = field(default_factory=list)  # who waits until the credentials are stored

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        return sum(entry_size(name, text) for name, text in self.keys.items()) + len(self.credentials or "")


def entry_size(name: KeyName, text: str | None) -> int:
    return 100 + len(name[0]) + len(name[1]) + len(text or "")


@dataclass(frozen=True)
class Written:
    """What a transaction did: keys written and deleted, and the senders whose lease had ended."""

    keys: int
    refused: set[int]


def read_credentials(sender_id: int) -> str | None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT data, encrypted_with, format FROM session_service_authcredentials WHERE sender_id = %s",
            [sender_id],
        )
        row = cursor.fetchone()
    return cipher().decrypt(bytes(row[0]), row[1], row[2]) if row else None


def read_keys(wanted: list[tuple[int, str, str]]) -> dict[tuple[int, str, str], str]:
    """The keys that exist of those named by sender, type and id, of any number of senders in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT wanted.number, stored.data, stored.encrypted_with, stored.format
            FROM unnest(%s::bigint[], %s::text[], %s::text[])
                WITH ORDINALITY AS wanted (sender_id, type, key_id, number)
            CROSS JOIN LATERAL (
                SELECT data, encrypted_with, format FROM session_service_authkey AS one
                WHERE one.sender_id = wanted.sender_id AND one.type = wanted.type AND one.key_id = wanted.key_id
                OFFSET 0 -- one look at the index for each, whatever the statistics say
            ) AS stored
            """,
            _columns(wanted),
        )
        rows = cursor.fetchall()
    reader = cipher()
    return {wanted[number - 1]: reader.decrypt(bytes(data), mark, version) for number, data, mark, version in rows}


def read_all(sender_id: int) -> tuple[str | None, list[tuple[str, str, str]]]:
    """The credentials, and all keys as type, id and text: as they are at one moment, hence one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT NULL AS type, '' AS key_id, data, encrypted_with, format FROM session_service_authcredentials
            WHERE sender_id = %(sender)s
            UNION ALL
            SELECT type, key_id, data, encrypted_with, format FROM session_service_authkey WHERE sender_id = %(sender)s
            """,
            {"sender": sender_id},
        )
        found = cursor.fetchall()
    reader = cipher()
    credentials, keys = None, []
    for type_, key_id, data, mark, version in found:
        text = reader.decrypt(bytes(data), mark, version)
        if type_ is None:
            credentials = text
        else:
            keys.append((type_, key_id, text))
    return credentials, keys


def write(worker_id: int, writes: Mapping[int, SenderWrites]) -> Written:
    """Writes everything of those senders that are still leased, by sender id, in one transaction."""
    writer = cipher()
    puts = [
        (sender_id, *name, writer.encrypt(text))
        for sender_id, found in writes.items()
        for name, text in found.keys.items()
        if text is not None
    ]
    deletes = [
        (sender_id, *name) for sender_id, found in writes.items() for name, text in found.keys.items() if text is None
    ]
    credentials = [
        (sender_id, writer.encrypt(found.credentials))
        for sender_id, found in writes.items()
        if found.credentials is not None
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        owned = _lock_leases(cursor, worker_id, {sender_id: found.epoch for sender_id, found in writes.items()})
        _put_keys(cursor, [row for row in puts if row[0] in owned], writer)
        _delete_keys(cursor, [row for row in deletes if row[0] in owned])
        _put_credentials(cursor, [row for row in credentials if row[0] in owned], writer)
    written = sum(len(found.keys) for sender_id, found in writes.items() if sender_id in owned)
    return Written(written, set(writes) - owned)


def wipe(worker_id: int, sender_id: int, epoch: int) -> bool:
    """Deletes all auth state of a sender. False where the lease has ended: then nothing was changed."""
    with transaction.atomic(), connection.cursor() as cursor:
        if not _lock_leases(cursor, worker_id, {sender_id: epoch}):
            return False
        delete_all(cursor, sender_id)
    return True


def delete_all(cursor: CursorWrapper, sender_id: int) -> None:
    cursor.execute("DELETE FROM session_service_authkey WHERE sender_id = %s", [sender_id])
    cursor.execute("DELETE FROM session_service_authcredentials WHERE sender_id = %s", [sender_id])


def insert_all(sender_id: int, credentials: str, keys: Iterable[tuple[str, str, str]]) -> None:
    """Writes a whole session, for a caller that keeps every worker from holding it. Call inside a transaction."""
    writer = cipher()
    with connection.cursor() as cursor:
        _put_credentials(cursor, [(sender_id, writer.encrypt(credentials))], writer)
        _put_keys(cursor, [(sender_id, type_, key_id, writer.encrypt(text)) for type_, key_id, text in keys], writer)


def _lock_leases(cursor: CursorWrapper, worker_id: int, epochs: Mapping[int, int]) -> set[int]:
    """Those of the senders whose lease is this worker's and of this epoch. It stays so until the transaction ends.

    This lock stops a take-over, which locks FOR UPDATE, and lets the heartbeat renew. A lease that ran out and that
    nobody took is still good: nobody has read what this write changes.
    """
    cursor.execute(
        """
        SELECT lease.sender_id FROM session_service_sessionlease AS lease
        JOIN unnest(%s::bigint[], %s::bigint[]) AS held (sender_id, epoch)
            ON held.sender_id = lease.sender_id AND held.epoch = lease.epoch
        WHERE lease.worker_id = %s
        ORDER BY lease.sender_id FOR KEY SHARE OF lease
        """,
        [numbers(epochs), numbers(epochs.values()), worker_id],
    )
    return {row[0] for row in cursor.fetchall()}


def _put_keys(cursor: CursorWrapper, rows: list[tuple[int, str, str, str]], writer: Cipher) -> None:
    """Rows of sender id, type, id and token. In the order of the index, so that two writers never wait in a circle."""
    if not rows:
        return
    rows = sorted(rows)
    cursor.execute(
        """
        INSERT INTO session_service_authkey AS stored (sender_id, type, key_id, data, encrypted_with, format)
        SELECT sender_id, type, key_id, decode(translate(token, '-_', '+/'), 'base64'), %s, %s
        FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS given (sender_id, type, key_id, token)
        ON CONFLICT (sender_id, type, key_id) DO UPDATE
        SET data = excluded.data, encrypted_with = excluded.encrypted_with, format = excluded.format
        """,
        [writer.mark, FORMAT, *_columns([row[:3] for row in rows]), texts(row[3] for row in rows)],
    )


def _delete_keys(cursor: CursorWrapper, rows: list[tuple[int, str, str]]) -> None:
    if not rows:
        return
    cursor.execute(
        """
        DELETE FROM session_service_authkey AS stored
        USING unnest(%s::bigint[], %s::text[], %s::text[]) AS given (sender_id, type, key_id)
        WHERE stored.sender_id = given.sender_id AND stored.type = given.type AND stored.key_id = given.key_id
        """,
        _columns(sorted(rows)),
    )


def _put_credentials(cursor: CursorWrapper, rows: list[tuple[int, str]], writer: Cipher) -> None:
    """Rows of sender id and token."""
    if not rows:
        return
    rows = sorted(rows)
    cursor.execute(
        """
        INSERT INTO session_service_authcredentials (
            sender_id, data, encrypted_with, format, saved_at, backup_problem
        )
        SELECT sender_id, decode(translate(token, '-_', '+/'), 'base64'), %s, %s, statement_timestamp(), ''
        FROM unnest(%s::bigint[], %s::text[]) AS given (sender_id, token)
        ON CONFLICT (sender_id) DO UPDATE SET data = excluded.data, encrypted_with = excluded.encrypted_with,
            format = excluded.format, saved_at = excluded.saved_at
        """,
        [writer.mark, FORMAT, numbers(row[0] for row in rows), texts(row[1] for row in rows)],
    )


def _columns(rows: Iterable[tuple[int, str, str]]) -> list[str]:
    rows = list(rows)
    return [numbers(row[0] for row in rows), texts(row[1] for row in rows), texts(row[2] for row in rows)]
