"""What people write to stop, honoured in the transaction that stores it, whatever else is down.

From its commit on nothing goes out to them but one answer: what waits is skipped here, and whatever is planned or leased
later finds them on the blocklist. What is `sending` at that moment has left, or is settled as ever.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from django.db import connection
from django.utils.timezone import now
from django.utils.translation import gettext as _

from contacts import opt_out_texts, opt_outs
from contacts.models import OptOutEvent
from contacts.opt_out_words import DEFAULT_WORDS, LONGEST_MESSAGE, Words, words_from
from contacts.opt_outs import Granted, Wish
from contacts.queries import settings_of
from messaging import sql
from messaging.counts import Changes
from messaging.events import Changed, Inbound
from messaging.models import Message, MessageStatus, Priority, SkipReason
from messaging.received import Stored, id_of, storable
from senders.models import Sender

Kind = OptOutEvent.Kind


def honour(
    inbound: Sequence[Inbound], stored: Sequence[Stored], changed: Sequence[tuple[Changed, Stored]], changes: Changes
) -> None:
    """Looks through what was just stored (`stored` are the new rows of `inbound`) for wishes to leave or to return.

    Groups do not count. An edit counts where it turns a message into a word that opts out: whoever corrects "sotp"
    means it; nobody returns by editing. Call inside a transaction; the caller saves `changes`.
    """
    said = list(_said(inbound, stored))
    edited = [
        (row, change.text or "", change.at)
        for change, row in changed
        if row.is_private and not change.deleted and not change.from_me
    ]
    if not said and not edited:
        return
    words = words_of({row.organization_id for row, _text, _at in (*said, *edited)})
    wishes = []
    for index, (row, text, at) in enumerate((*said, *edited)):
        kind = words.get(row.organization_id, DEFAULT_WORDS).meaning_of(text)
        if kind is None or (index >= len(said) and kind == Kind.OPTED_IN):
            continue
        wishes.append((row, kind, text, at))
    if wishes:
        _grant(wishes, changes)


def words_of(organization_ids: Iterable[int]) -> Mapping[int, Words]:
    """The words of those organizations that have their own. They are read afresh, and taken apart once."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT organization_id, opt_out_words::text, opt_in_words::text FROM contacts_contactsettings
            WHERE organization_id = ANY(%s::bigint[]) AND (opt_out_words IS NOT NULL OR opt_in_words IS NOT NULL)
            """,
            [sql.numbers(organization_ids)],
        )
        return {organization_id: words_from(stop, start) for organization_id, stop, start in cursor.fetchall()}


def _said(inbound: Sequence[Inbound], stored: Sequence[Stored]) -> Iterable[tuple[Stored, str, datetime]]:
    """The short messages among the new ones, with their text and time."""
    short = {
        (message.sender_id, id_of(message)): message
        for message in reversed(inbound)  # of two with one id, the first is stored
        if message.text and len(message.text) <= LONGEST_MESSAGE and not message.group
    }
    for row in stored:
        if (message := short.get((row.sender_id, row.whatsapp_id))) is not None and (row.phone_number or row.lid):
            yield row, message.text, message.at


def _grant(wishes: list[tuple[Stored, Kind, str, datetime]], changes: Changes) -> None:
    names = dict(Sender.objects.filter(pk__in={row.sender_id for row, *_ in wishes}).values_list("pk", "name"))
    moment = now()
    asked = [
        Wish(
            organization_id=row.organization_id,
            kind=kind,
            phone_number=row.phone_number,
            lid=row.lid,
            text=storable(text),
            whatsapp_id=row.whatsapp_id,
            at=min(at, moment),
            message_id=row.id,
            source=_("Wrote to %(sender)s") % {"sender": names.get(row.sender_id, "")},
        )
        for row, kind, text, at in wishes
    ]
    granted = opt_outs.grant(asked)
    _skip_what_waits([each for each in granted if each.wish.kind == Kind.OPTED_OUT], changes)
    senders = {row.id: row.sender_id for row, *_ in wishes}
    _answer([each for each in granted if each.is_answered], senders)


# What was tried before may have left: it ends as it does when a batch is cancelled. Rows that a planner or a lease holds
# are waited for, so that nothing is leased behind this commit.
_SKIP_SQL = """
WITH named AS (
    SELECT * FROM unnest(%(organizations)s::bigint[], %(numbers)s::text[], %(lids)s::text[])
        AS each (organization_id, phone_number, lid)
), waiting AS (
    SELECT found.id FROM named CROSS JOIN LATERAL (
        SELECT message.id FROM messaging_message AS message
        WHERE named.phone_number <> '' AND message.organization_id = named.organization_id
            AND message.phone_number = named.phone_number AND message.direction = 'out'
            AND message.stage IN (%(pending)s, %(queued)s) AND message.group_id IS NULL
        OFFSET 0
    ) AS found
    UNION
    SELECT found.id FROM named CROSS JOIN LATERAL (
        SELECT message.id FROM messaging_message AS message
        WHERE named.lid <> '' AND message.organization_id = named.organization_id AND message.lid = named.lid
            AND message.phone_number = '' AND message.lid <> '' AND message.direction = 'out'
            AND message.stage IN (%(pending)s, %(queued)s) AND message.group_id IS NULL
        OFFSET 0
    ) AS found
), held AS (
    SELECT same.* FROM (SELECT id FROM waiting ORDER BY id) AS each  -- in one order, so that two writers cannot deadlock
    CROSS JOIN LATERAL (
        SELECT message.id, message.stage FROM messaging_message AS message
        WHERE message.id = each.id AND message.stage IN (%(pending)s, %(queued)s)
        OFFSET 0 FOR UPDATE
    ) AS same
)
UPDATE messaging_message AS message SET
    status = CASE
        WHEN message.attempts = 0 AND message.retried_at IS NULL THEN %(skipped)s
        WHEN message.error_code = '' THEN %(unknown)s
        ELSE %(failed)s
    END,
    skip_reason = CASE WHEN message.attempts = 0 AND message.retried_at IS NULL THEN %(reason)s ELSE '' END,
    ended_at = now()
FROM held WHERE message.id = held.id
RETURNING message.batch_id, held.stage, message.status, message.skip_reason
"""


def _skip_what_waits(granted: Sequence[Granted], changes: Changes) -> None:
    """Ends what is pending or queued for these people, an answer to an earlier wish as well."""
    names = [(each.wish.organization_id, *name) for each in granted for name in each.names]
    if not names:
        return
    organizations, numbers, lids = zip(*names, strict=True)
    with connection.cursor() as cursor:
        sql.along_indexes(cursor)
        cursor.execute(
            _SKIP_SQL,
            {
                "organizations": list(organizations),
                "numbers": list(numbers),
                "lids": list(lids),
                "pending": MessageStatus.PENDING,
                "queued": MessageStatus.QUEUED,
                "skipped": MessageStatus.SKIPPED,
                "unknown": MessageStatus.UNKNOWN,
                "failed": MessageStatus.FAILED,
                "reason": SkipReason.OPTED_OUT,
            },
        )
        rows = cursor.fetchall()
    for batch_id, was, status, reason in rows:
        changes.move(batch_id, was, status, skip_reason=reason)


def _answer(granted: Sequence[Granted], senders: Mapping[int, int]) -> None:
    """Tells people what was done, through the sender that they wrote to. `confirms` lets the one message pass the
    blocklist; who returned is not on it."""
    settings = {each: settings_of(each) for each in {each.wish.organization_id for each in granted}}
    answers = []
    for each in granted:
        wish, leaves = each.wish, each.wish.kind == Kind.OPTED_OUT
        text = opt_out_texts.opt_out_reply if leaves else opt_out_texts.opt_in_reply
        answers.append(
            Message(
                organization_id=wish.organization_id,
                sender_id=senders[wish.message_id],
                phone_number=wish.phone_number,
                lid="" if wish.phone_number else wish.lid,
                text=text(settings[wish.organization_id]),
                status=MessageStatus.PENDING,
                priority=Priority.INTERACTIVE,
                confirms=each.event if leaves else None,
            )
        )
    Message.objects.bulk_create(answers)
