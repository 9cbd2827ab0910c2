"""What messages teach about people: their contact, and the number of those who first wrote under a LID alone."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from django.db import connection, transaction

from contacts import identities, opt_outs
from contacts.identities import Identity
from messaging import replies
from messaging.counts import Changes
from messaging.events import Inbound
from messaging.received import lid_of, number_of, storable
from senders.models import Sender


def learn_from(messages: Sequence[Inbound]) -> None:
    """Makes a contact of who wrote to a sender, and joins number and LID. Call once the messages are committed: then a
    number that somebody else learns at the same moment still reaches these messages."""
    organizations = dict(
        Sender.objects.filter(pk__in={message.sender_id for message in messages}).values_list("pk", "organization_id")
    )
    seen: defaultdict[int, dict[Identity, None]] = defaultdict(dict)
    for message in messages:
        phone_number, lid = number_of(message), lid_of(message)
        if message.sender_id in organizations and (phone_number or lid):
            identity = Identity(phone_number, lid, storable(message.name), not message.group)
            seen[organizations[message.sender_id]][identity] = None
    for organization_id, people in seen.items():
        learn(organization_id=organization_id, seen=list(people))


def learn(*, organization_id: int, seen: Collection[Identity]) -> None:
    """`contacts.identities.learn`, and messages and opt-outs that had no number get the one that is known by now."""
    identities.learn(organization_id=organization_id, seen=seen)
    _fill_in_numbers(organization_id, {identity.lid for identity in seen} - {""})


def _fill_in_numbers(organization_id: int, lids: Iterable[str]) -> None:
    numbers = identities.numbers_of(organization_id=organization_id, lids=lids)
    if not numbers:
        return
    opt_outs.fill_in_numbers(organization_id=organization_id, numbers=numbers)
    changes = Changes()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE messaging_message AS message SET phone_number = known.phone_number
            FROM unnest(%s::text[], %s::text[]) AS known (lid, phone_number)
            WHERE message.organization_id = %s AND message.lid = known.lid AND message.lid <> ''
                AND message.phone_number = ''
            RETURNING message.id
            """,
            [list(numbers), list(numbers.values()), organization_id],
        )
        replies.attribute([row[0] for row in cursor.fetchall()], changes)
        changes.save()
