"""Encrypts stored auth state anew with the first key of `AUTH_STATE_KEYS`.

A batch is a short transaction, and what it has done is marked in its rows: a run that was stopped goes on where it was.
Workers go on meanwhile, and what they write is encrypted with the first key of their own settings.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.db import connection, transaction

from messaging.sql import numbers, texts
from session_service.auth_state.encryption import FORMAT, Unreadable, cipher

ROWS_A_BATCH = 500
Row = tuple[int, str, str, bytes, int, int]  # sender id, type, key id, data, mark, format


@dataclass
class Rotation:
    """What a run did. `unreadable` are rows that no key decrypts, by sender id."""

    done: int = 0
    unreadable: dict[int, int] = field(default_factory=dict)


def older_rows() -> int:
    """Rows that another key than the first one has encrypted."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT (SELECT count(*) FROM session_service_authcredentials WHERE encrypted_with <> %(mark)s)
                + (SELECT count(*) FROM session_service_authkey WHERE encrypted_with <> %(mark)s)
            """,
            {"mark": cipher().mark},
        )
        return int(cursor.fetchone()[0])


def rotate(say: Callable[[Rotation], None] = lambda rotation: None) -> Rotation:
    """Encrypts everything anew that needs it; calls `say` after each batch."""
    rotation = Rotation()
    for read, write in ((_read_credentials, _write_credentials), (_read_keys, _write_keys)):
        after = (0, "", "")
        while True:
            with transaction.atomic():
                rows = read(after)
                if not rows:
                    break
                write(_encrypted_anew(rows, rotation))
            after = rows[-1][:3]
            say(rotation)
    return rotation


def _encrypted_anew(rows: list[Row], rotation: Rotation) -> list[tuple[int, str, str, str]]:
    """The rows with new tokens, without those that cannot be read."""
    both = cipher()
    made: list[tuple[int, str, str, str]] = []
    for sender_id, type_, key_id, data, mark, version in rows:
        try:
            text = both.decrypt(bytes(data), mark, version)
        except Unreadable:
            rotation.unreadable[sender_id] = rotation.unreadable.get(sender_id, 0) + 1
        else:
            made.append((sender_id, type_, key_id, both.encrypt(text)))
    rotation.done += len(made)
    return made


def _read_credentials(after: tuple[int, str, str]) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT sender_id, '', '', data, encrypted_with, format FROM session_service_authcredentials
            WHERE encrypted_with <> %s AND sender_id > %s ORDER BY sender_id LIMIT %s FOR UPDATE
            """,
            [cipher().mark, after[0], ROWS_A_BATCH],
        )
        return cursor.fetchall()


def _read_keys(after: tuple[int, str, str]) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT sender_id, type, key_id, data, encrypted_with, format FROM session_service_authkey
            WHERE encrypted_with <> %s AND (sender_id, type, key_id) > (%s, %s, %s)
            ORDER BY sender_id, type, key_id LIMIT %s FOR UPDATE
            """,
            [cipher().mark, *after, ROWS_A_BATCH],
        )
        return cursor.fetchall()


def _write_credentials(rows: list[tuple[int, str, str, str]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE session_service_authcredentials AS stored
            SET data = decode(translate(token, '-_', '+/'), 'base64'), encrypted_with = %s, format = %s
            FROM unnest(%s::bigint[], %s::text[]) AS given (sender_id, token)
            WHERE stored.sender_id = given.sender_id
            """,
            [cipher().mark, FORMAT, numbers(row[0] for row in rows), texts(row[3] for row in rows)],
        )


def _write_keys(rows: list[tuple[int, str, str, str]]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE session_service_authkey AS stored
            SET data = decode(translate(token, '-_', '+/'), 'base64'), encrypted_with = %s, format = %s
            FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[]) AS given (sender_id, type, key_id, token)
            WHERE stored.sender_id = given.sender_id AND stored.type = given.type AND stored.key_id = given.key_id
            """,
            [
                cipher().mark,
                FORMAT,
                numbers(row[0] for row in rows),
                texts(row[1] for row in rows),
                texts(row[2] for row in rows),
                texts(row[3] for row in rows),
            ],
        )
