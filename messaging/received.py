"""Writes what people send: messages of every kind, and what they change in them afterwards.

Like everything in `messaging.ledger`: set-based, inside the caller's transaction, and a repeat changes nothing.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db import connection

from messaging.events import Changed, Inbound
from messaging.kinds import Kind
from messaging.models import MessageStatus

_GROUPS_SQL = """
INSERT INTO messaging_group
    (organization_id, sender_id, whatsapp_id, subject, members, created_by_us, created_at, updated_at)
SELECT DISTINCT sender.organization_id, sender.id, given.whatsapp_id, '', '[]'::jsonb, FALSE, now(), now()
FROM unnest(%s::bigint[], %s::text[]) AS given (sender_id, whatsapp_id)
JOIN senders_sender AS sender ON sender.id = given.sender_id
ON CONFLICT DO NOTHING
"""
_STORED_SQL = "id, organization_id, sender_id, phone_number, lid, whatsapp_id, group_id IS NULL"
# A person whom WhatsApp shows by LID only gets the number that their contact has; of a contact with other numbers, the
# one that belongs to the LID.
_INBOUND_SQL = f"""
INSERT INTO messaging_message (organization_id, sender_id, direction, phone_number, lid, whatsapp_id, text, kind, content,
    media_id, group_id, status, skip_reason, error_code, error, variables, priority, attempts, lease_epoch, keeps_id,
    created_at)
SELECT sender.organization_id, sender.id, 'in',
    COALESCE(known.phone_number, NULLIF(other.phone_number, ''), whose.phone_number, given.phone_number), given.lid,
    given.whatsapp_id, given.text, given.kind, given.content::jsonb, given.media_id, chat.id,
    %s, '', '', '', '{{}}', 1, 0, 0, true, given.at
FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[],
        %s::text[], %s::timestamptz[]) WITH ORDINALITY
    AS given (sender_id, phone_number, lid, whatsapp_id, text, kind, content, media_id, group_id, at, place)
JOIN senders_sender AS sender ON sender.id = given.sender_id
LEFT JOIN contacts_contact AS known ON given.phone_number = '' AND given.lid <> '' AND known.lid = given.lid
    AND known.organization_id = sender.organization_id
LEFT JOIN contacts_othernumber AS other ON given.phone_number = '' AND given.lid <> '' AND other.lid = given.lid
    AND other.organization_id = sender.organization_id
LEFT JOIN contacts_contact AS whose ON whose.id = other.contact_id
LEFT JOIN messaging_group AS chat ON given.group_id <> '' AND chat.sender_id = sender.id
    AND chat.whatsapp_id = given.group_id
ORDER BY given.place
ON CONFLICT DO NOTHING
RETURNING {_STORED_SQL}
"""


class Stored(NamedTuple):
    """A message from a person, as its row says it by now."""

    id: int
    organization_id: int
    sender_id: int
    phone_number: str
    lid: str
    whatsapp_id: str
    is_private: bool  # not from a group


_NUMBER = re.compile(r"\+[0-9]{1,15}")
_LID = re.compile(r"[0-9]{1,32}")


def write_inbound(messages: Sequence[Inbound]) -> list[Stored]:
    """Stores what people wrote, each WhatsApp message once. Returns the new rows."""
    if not messages:
        return []
    in_groups = [message for message in messages if message.group]
    with connection.cursor() as cursor:
        if in_groups:
            cursor.execute(
                _GROUPS_SQL,
                [
                    [message.sender_id for message in in_groups],
                    [storable(message.group)[:64] for message in in_groups],
                ],
            )
        cursor.execute(
            _INBOUND_SQL,
            [
                MessageStatus.RECEIVED,
                [message.sender_id for message in messages],
                [number_of(message) for message in messages],
                [lid_of(message) for message in messages],
                [id_of(message) for message in messages],
                [storable(message.text) for message in messages],
                [message.kind if message.kind in Kind else Kind.UNSUPPORTED for message in messages],
                [_content_of(message) for message in messages],
                [message.media.media_id if message.media else None for message in messages],
                [storable(message.group)[:64] for message in messages],
                [message.at for message in messages],
            ],
        )
        return [Stored(*row) for row in cursor.fetchall()]


def id_of(message: Inbound | Changed) -> str:
    return str(storable(message.whatsapp_id))[:64]


def number_of(message: Inbound) -> str:
    """Empty where it is nothing that could be a phone number."""
    return message.phone_number if _NUMBER.fullmatch(message.phone_number) else ""


def lid_of(message: Inbound) -> str:
    return message.lid if _LID.fullmatch(message.lid) else ""


def _content_of(message: Inbound) -> str:
    """`content` as JSON; a file that is not there leaves what is known of it, and why, under `missing_media`."""
    content = message.content
    if (media := message.media) is not None and media.media_id is None:
        missing = {"error": media.error or "failed", "mime_type": media.mime_type, "file_name": media.file_name}
        content = {**content, "missing_media": {**missing, "size": media.size}}
    return json.dumps(storable(content), ensure_ascii=False) if content else "{}"


def storable(value: Any) -> Any:
    """PostgreSQL's texts hold neither the character NUL nor halves of a pair, both of which a phone can send."""
    if isinstance(value, str):
        return value.replace("\x00", "").encode("utf-8", "replace").decode()
    if isinstance(value, dict):
        return {storable(key): storable(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [storable(each) for each in value]
    return value


# Anybody can send a change that names a message of somebody else: what counts is who sent both.
_NAMED_SQL = """whatsapp_id = %(whatsapp_id)s AND whatsapp_id <> '' AND sender_id = %(sender)s AND deleted_at IS NULL AND cleared_at IS NULL"""
_THEIRS_SQL = f"""{_NAMED_SQL} AND CASE WHEN %(from_me)s THEN direction = 'out' ELSE direction = 'in'
    AND (phone_number = %(phone_number)s AND phone_number <> '' OR lid = %(lid)s AND lid <> '') END"""
# In a group, whom we know to be an admin may delete what others wrote.
_OF_THEIR_GROUP_SQL = f"""{_NAMED_SQL} AND direction = 'in' AND EXISTS (
    SELECT FROM messaging_group AS chat, jsonb_array_elements(chat.members) AS member
    WHERE chat.id = messaging_message.group_id AND member -> 'is_admin' = 'true' AND (
        member ->> 'phone_number' = %(phone_number)s AND %(phone_number)s <> ''
        OR member ->> 'lid' = %(lid)s AND %(lid)s <> ''
    )
)"""
# The former text goes to the end of the history, unless this edit or a later one was written before.
_EDITED_SQL = f"""
UPDATE messaging_message SET text = %(text)s, edited_at = %(at)s,
    content = content || jsonb_build_object('history',
        COALESCE(content -> 'history', '[]') || jsonb_build_object('text', text, 'until', %(at)s::timestamptz))
WHERE {_THEIRS_SQL} AND (edited_at IS NULL OR edited_at < %(at)s)
RETURNING {_STORED_SQL}
"""
_DELETED_SQL = f"""
UPDATE messaging_message SET deleted_at = %(at)s, text = '', content = '{{}}', media_id = NULL
WHERE {_THEIRS_SQL} OR {_OF_THEIR_GROUP_SQL}
RETURNING {_STORED_SQL}
"""


def write_changes(changes: Sequence[Changed]) -> list[tuple[Changed, Stored]]:
    """Writes edits and deletions, in the order in which they happened. Returns those that changed a row, with it.

    An edit keeps the former text. A deletion leaves the row and removes what it said, with its file and its history:
    who deletes a message for everyone expects it to be gone, and the law sides with them.
    """
    changed: list[tuple[Changed, Stored]] = []
    with connection.cursor() as cursor:
        for change in sorted(changes, key=lambda change: change.at):
            if not change.deleted and change.text is None:
                continue
            cursor.execute(
                _DELETED_SQL if change.deleted else _EDITED_SQL,
                {
                    "sender": change.sender_id,
                    "whatsapp_id": change.whatsapp_id,
                    "from_me": change.from_me,
                    "phone_number": change.phone_number,
                    "lid": change.lid,
                    "at": change.at,
                    "text": storable(change.text or ""),
                },
            )
            changed += [(change, Stored(*row)) for row in cursor.fetchall()]
    return changed
