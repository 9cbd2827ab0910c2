"""Who is on a broadcast list: adding, removing, and keeping the groups full.

A list is changed under its lock. New people go behind the last one; into the gaps that removed people leave move the
last ones, so that only few people change their group.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.timezone import now

from accounts.models import Organization
from broadcasts.models import GROUP_SIZE, BroadcastList, BroadcastMember
from contacts.models import Contact, ContactList, Segment
from contacts.phone_numbers import find_mobile
from contacts.segments import services as segments
from messaging import sql

MOST_MEMBERS = 100_000

_ADD_SQL = """
WITH present AS (
    SELECT count(*) AS number FROM broadcasts_broadcastmember WHERE broadcast_list_id = %(list)s
), new AS (
    SELECT given.phone_number, row_number() OVER (ORDER BY given.place) - 1 AS place
    FROM unnest(%(numbers)s::text[]) WITH ORDINALITY AS given (phone_number, place)
    WHERE NOT EXISTS (
        SELECT FROM broadcasts_broadcastmember AS member
        WHERE member.broadcast_list_id = %(list)s AND member.phone_number = given.phone_number
    )
)
INSERT INTO broadcasts_broadcastmember (broadcast_list_id, phone_number, position, added_at)
SELECT %(list)s, new.phone_number, present.number + new.place, now() FROM new, present
WHERE present.number + new.place < %(most)s ORDER BY new.place
"""
_CLOSE_UP_SQL = """
WITH member AS (
    SELECT id, position, count(*) OVER () AS number FROM broadcasts_broadcastmember WHERE broadcast_list_id = %(list)s
), movers AS (
    SELECT id, row_number() OVER (ORDER BY position) AS turn FROM member WHERE position >= number
), gaps AS (
    SELECT gap.position, row_number() OVER (ORDER BY gap.position) AS turn
    FROM generate_series(0, (SELECT max(number) FROM member) - 1) AS gap (position)
    WHERE NOT EXISTS (SELECT FROM member WHERE member.position = gap.position)
)
UPDATE broadcasts_broadcastmember AS moved SET position = gaps.position
FROM movers JOIN gaps USING (turn) WHERE moved.id = movers.id
"""


@dataclass(frozen=True)
class Added:
    """What became of numbers that were to be added. `problems` are those that are no mobile numbers, as written."""

    added: int
    already: int
    problems: list[str]


def read(written: Iterable[str], organization: Organization) -> tuple[list[str], list[str]]:
    """Numbers in E.164, each once, and what is none."""
    numbers: dict[str, None] = {}
    problems = []
    for each in written:
        number = find_mobile(each, organization.default_region)
        if number is None:
            problems.append(str(each)[:60])
        else:
            numbers[number] = None
    return list(numbers), problems


def of_sources(
    organization: Organization,
    *,
    contacts: Collection[int] = (),
    lists: Collection[ContactList] = (),
    in_segments: Collection[Segment] = (),
) -> list[str]:
    """The numbers of contacts that are named, are on a list, or are in a segment now. Raises `InvalidFilter`."""
    mine = Contact.objects.for_organization(organization).exclude(phone_number="")
    found: dict[str, None] = {}
    if contacts:
        found |= dict.fromkeys(
            mine.filter(pk__in=list(contacts)).order_by("pk").values_list("phone_number", flat=True)
        )
    for contact_list in lists:
        on_it = mine.filter(
            pk__in=contact_list.contacts.through.objects.filter(contact_list=contact_list).values("contact")
        )
        found |= dict.fromkeys(on_it.order_by("pk").values_list("phone_number", flat=True))
    for segment in in_segments:
        found |= dict.fromkeys(_in_segment(segment))
    return list(found)


def _in_segment(segment: Segment) -> list[str]:
    query = segments.query_of(segment, at=now())
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT phone_number FROM contacts_contact
            WHERE id IN ({query.sql}) AND organization_id = %(of_organization)s AND phone_number <> '' ORDER BY id
            """,
            {**query.parameters, "of_organization": segment.organization_id},
        )
        return [row[0] for row in cursor.fetchall()]


def add(*, broadcast_list: BroadcastList, numbers: Collection[str]) -> int:
    """Puts numbers in E.164 behind the last ones; gives how many are new. Beyond `MOST_MEMBERS` nobody is added."""
    with transaction.atomic(), connection.cursor() as cursor:
        _lock(broadcast_list.pk)
        cursor.execute(
            _ADD_SQL,
            {"list": broadcast_list.pk, "numbers": sql.texts(dict.fromkeys(numbers)), "most": MOST_MEMBERS},
        )
        return cursor.rowcount


def remove(*, broadcast_list: BroadcastList, numbers: Collection[str]) -> int:
    """Takes numbers off the list and closes the gaps; gives how many were on it."""
    with transaction.atomic():
        _lock(broadcast_list.pk)
        gone, _each = broadcast_list.members.filter(phone_number__in=list(numbers)).delete()
        if gone:
            _close_up(broadcast_list.pk)
    return gone


def remove_everywhere(places: QuerySet[BroadcastMember]) -> int:
    """Removes these members from whichever lists they are on. Call it inside a transaction."""
    list_ids = sorted(set(places.values_list("broadcast_list_id", flat=True)))
    for list_id in list_ids:
        _lock(list_id)
    gone, _each = places.delete()
    for list_id in list_ids:
        _close_up(list_id)
    return gone


def _lock(list_id: int) -> None:
    BroadcastList.objects.select_for_update().only("pk").get(pk=list_id)


def _close_up(list_id: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_CLOSE_UP_SQL, {"list": list_id})


def group_sizes(number: int) -> list[int]:
    """How many people are in each group of a list of so many: all full but the last."""
    full, rest = divmod(number, GROUP_SIZE)
    return [GROUP_SIZE] * full + ([rest] if rest else [])
