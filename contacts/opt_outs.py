"""How people leave and return by what they write, and what has to know of it.

`grant` changes the blocklist and its history inside the transaction that stores the messages. Who is out can write STOP
as often as they like: it happens once. Who was blocked by staff cannot return by themself.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Q
from django.utils.timezone import now

from accounts.locks import Lock
from contacts import events
from contacts.models import AskedBy, BlocklistEntry, Contact, ContactEvent, OptOutEvent, OtherNumber
from contacts.phone_numbers import canonical

Kind = OptOutEvent.Kind
Reason = BlocklistEntry.Reason
Follower = Callable[[Sequence[OptOutEvent]], None]

ANSWERS_A_DAY = 6  # to one person: another robot that answers each of our answers gets no more
CLOCKS_DIFFER = timedelta(minutes=1)  # at most, ours and WhatsApp's

_followers: list[Follower] = []


def follow(follower: Follower) -> None:
    """Has `follower` called with new events, inside their transaction. For higher layers, from `AppConfig.ready`.

    It may write rows of its own; it must be quick, set-based, and must not change counters of batches.
    """
    _followers.append(follower)


def record_events(written: Iterable[OptOutEvent]) -> list[OptOutEvent]:
    """Keeps the history. Call inside the transaction that changes the blocklist."""
    kept = OptOutEvent.objects.bulk_create(written)
    if kept:
        for follower in _followers:
            follower(kept)
    return kept


@dataclass(frozen=True, slots=True)
class Wish:
    """A person wrote that they want to leave or to return. Known by number, by LID or by both; `message_id` is the
    ledger's, `source` where they wrote it."""

    organization_id: int
    kind: Kind
    phone_number: str
    lid: str
    text: str
    whatsapp_id: str
    at: datetime
    message_id: int = 0
    source: str = ""


@dataclass(frozen=True, slots=True)
class Granted:
    """A wish that changed something. `names` are all (number, LID) of the person, one of which may be empty;
    `is_answered` where they should be told."""

    wish: Wish
    event: OptOutEvent
    names: tuple[tuple[str, str], ...]
    is_answered: bool


def grant(wishes: Sequence[Wish]) -> list[Granted]:
    """Does what people ask for, in the order in which they wrote, and gives for each person the last that changed
    anything. Call inside a transaction: they are out when it is committed."""
    by_organization: defaultdict[int, list[Wish]] = defaultdict(list)
    for wish in sorted(wishes, key=lambda wish: wish.at):
        by_organization[wish.organization_id].append(wish)
    granted = []
    for organization_id in sorted(by_organization):
        with connection.cursor() as cursor:  # two workers that hear the same person through two senders: one answer
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [Lock.OPT_OUTS, organization_id % 2**31])
        granted += _Granting(organization_id, by_organization[organization_id]).run()
    return granted


@dataclass
class _Person:
    """`numbers` maps each number to its LID; `lids` are those without a number."""

    numbers: dict[str, str] = field(default_factory=dict)
    lids: set[str] = field(default_factory=set)
    contact_ids: set[int] = field(default_factory=set)

    def add(self, phone_number: str, lid: str) -> None:
        if phone_number:
            self.numbers[phone_number] = self.numbers.get(phone_number) or lid
        elif lid:
            self.lids.add(lid)

    @property
    def names(self) -> tuple[tuple[str, str], ...]:
        return (*self.numbers.items(), *(("", lid) for lid in sorted(self.lids - set(self.numbers.values()))))


class _Granting:
    """The wishes of one organization's people, with the blocklist's entries for them held until the commit."""

    def __init__(self, organization_id: int, wishes: list[Wish]) -> None:
        self._organization_id = organization_id
        self._wishes = wishes
        self._people = _people_of(organization_id, wishes)
        self._entries = self._held_entries()
        self._changed: dict[int, BlocklistEntry] = {}
        self._removed: set[int] = set()
        self._new: dict[tuple[str, str], BlocklistEntry] = {}

    def run(self) -> list[Granted]:
        decided = []
        for wish, person in zip(self._wishes, self._people, strict=True):
            told = self._leave(wish, person) if wish.kind == Kind.OPTED_OUT else self._return(wish, person)
            if told is not None:
                decided.append((wish, person, told))
        self._write()
        return self._granted(decided)

    def _held_entries(self) -> list[BlocklistEntry]:
        numbers = {number for person in self._people for number in person.numbers}
        lids = {lid for person in self._people for _number, lid in person.names if lid}
        named = Q(phone_number__in=numbers) | Q(phone_number=None, lid__in=lids)
        found = BlocklistEntry.objects.filter(named, organization_id=self._organization_id)
        return list(found.select_for_update().order_by("pk"))

    def _entries_of(self, person: _Person) -> list[BlocklistEntry]:
        lids = {lid for _number, lid in person.names if lid}
        return [
            entry
            for entry in (*self._entries, *self._new.values())
            if entry.phone_number in person.numbers or (not entry.phone_number and entry.lid in lids)
        ]

    def _leave(self, wish: Wish, person: _Person) -> bool | None:
        """Whether the person is to be told; None where they were out before."""
        entries = self._entries_of(person)
        is_new = not any(entry.reason == Reason.OPTED_OUT for entry in entries)
        by_staff = any(entry.reason == Reason.BLOCKED or entry.blocked_by_staff for entry in entries)
        for entry in entries:
            if entry.reason == Reason.BLOCKED or wish.at > _since(entry):
                entry.blocked_by_staff = entry.blocked_by_staff or entry.reason == Reason.BLOCKED
                entry.reason = Reason.OPTED_OUT
                _prove(entry, wish)
                if entry.pk:
                    self._changed[entry.pk] = entry
        known = {entry.phone_number or "" for entry in entries}, {entry.lid for entry in entries}
        for number, lid in person.names:
            if number not in known[0] if number else lid not in known[1]:
                entry = BlocklistEntry(
                    organization_id=self._organization_id,
                    phone_number=number or None,
                    lid=lid,
                    reason=Reason.OPTED_OUT,
                    blocked_by_staff=by_staff,
                )
                _prove(entry, wish)
                self._new[(number, lid)] = entry
        return not by_staff if is_new else None

    def _return(self, wish: Wish, person: _Person) -> bool | None:
        entries = self._entries_of(person)
        # Of what was written before they left, only the delivery is late.
        returning = [e for e in entries if e.reason == Reason.OPTED_OUT and wish.at >= _since(e)]
        if not returning:
            return None
        for entry in returning:
            if entry.blocked_by_staff:
                entry.reason, entry.blocked_by_staff = Reason.BLOCKED, False
                if entry.pk:
                    self._changed[entry.pk] = entry
            elif entry.pk:
                self._removed.add(entry.pk)
                self._entries.remove(entry)
            else:
                del self._new[(entry.phone_number or "", entry.lid)]
        return not self._entries_of(person)

    def _write(self) -> None:
        if self._removed:
            BlocklistEntry.objects.filter(pk__in=self._removed).delete()
        changed = [entry for key, entry in self._changed.items() if key not in self._removed]
        if changed:
            BlocklistEntry.objects.bulk_update(changed, _CHANGED_FIELDS)
        if self._new:
            _insert(self._organization_id, list(self._new.values()))

    def _granted(self, decided: list[tuple[Wish, _Person, bool]]) -> list[Granted]:
        written = record_events(
            OptOutEvent(
                organization_id=wish.organization_id,
                kind=wish.kind,
                phone_number=wish.phone_number,
                lid=wish.lid,
                asked_by=AskedBy.KEYWORD,
                source=wish.source,
                text=wish.text,
                whatsapp_id=wish.whatsapp_id,
                at=wish.at,
            )
            for wish, _person, _told in decided
        )
        answers = self._answers_left({name for _wish, person, _told in decided for name in person.names})
        last: dict[tuple[tuple[str, str], ...], Granted] = {}
        for event, (wish, person, told) in zip(written, decided, strict=True):
            self._tell_timelines(wish, person)
            is_answered = told and all(answers[name] > 0 for name in person.names)
            last[person.names] = Granted(wish, event, person.names, is_answered)
        return list(last.values())

    def _answers_left(self, names: set[tuple[str, str]]) -> Counter[tuple[str, str]]:
        """How many answers each may still get today, counted by what happened, the present event included."""
        numbers, lids = ({name[place] for name in names} - {""} for place in (0, 1))
        recent = OptOutEvent.objects.filter(
            Q(phone_number__in=numbers) | Q(phone_number="", lid__in=lids),
            organization_id=self._organization_id,
            created_at__gt=now() - timedelta(days=1),
        )
        happened = Counter(number or lid for number, lid in recent.values_list("phone_number", "lid"))
        return Counter({name: ANSWERS_A_DAY + 1 - happened[name[0] or name[1]] for name in names})

    def _tell_timelines(self, wish: Wish, person: _Person) -> None:
        if person.contact_ids:
            events.record(
                organization_id=self._organization_id,
                contact_ids=sorted(person.contact_ids),
                kind=ContactEvent.Kind(wish.kind.value),
                source=wish.source,
                at=wish.at,
                text=wish.text,
                message=wish.message_id,
            )


_CHANGED_FIELDS = (
    *("reason", "blocked_by_staff", "asked_by", "source"),
    *("evidence_text", "evidence_id", "evidence_at"),
)


def _prove(entry: BlocklistEntry, wish: Wish) -> None:
    entry.asked_by, entry.source = AskedBy.KEYWORD, wish.source
    entry.evidence_text, entry.evidence_id, entry.evidence_at = wish.text, wish.whatsapp_id, wish.at


def _since(entry: BlocklistEntry) -> datetime:
    """Before which nothing that the person wrote counts any more."""
    return entry.evidence_at or entry.created_at - CLOCKS_DIFFER


def _people_of(organization_id: int, wishes: Sequence[Wish]) -> list[_Person]:
    """Who wrote each of these: with all numbers and LIDs of their contact, where they are one."""
    people = []
    numbers = {canonical(wish.phone_number) for wish in wishes} - {""}
    lids = {wish.lid for wish in wishes} - {""}
    named = Q(phone_number__in=numbers) | Q(lid__in=lids)
    owners = set(Contact.objects.filter(named, organization_id=organization_id).values_list("pk", flat=True))
    owners |= set(
        OtherNumber.objects.filter(named, organization_id=organization_id).values_list("contact_id", flat=True)
    )
    names: dict[int, list[tuple[str, str]]] = {
        key: [(number, lid)]
        for key, number, lid in Contact.objects.filter(pk__in=owners).values_list("pk", "phone_number", "lid")
    }
    others = OtherNumber.objects.filter(contact_id__in=owners).values_list("contact_id", "phone_number", "lid")
    for owner, number, lid in others:
        names[owner].append((number, lid))
    by_name: defaultdict[str, set[int]] = defaultdict(set)
    for owner, all_of_them in names.items():
        for name in {name for pair in all_of_them for name in pair if name}:
            by_name[name].add(owner)
    for wish in wishes:
        person = _Person()
        person.add(wish.phone_number, wish.lid)
        person.add(canonical(wish.phone_number), wish.lid)
        for owner in sorted(by_name[canonical(wish.phone_number)] | by_name[wish.lid]):
            person.contact_ids.add(owner)
            for number, lid in names[owner]:
                person.add(number, lid)
        people.append(person)
    return people


# Whoever staff block at this very moment has asked for it as well.
_INSERT_SQL = """
INSERT INTO contacts_blocklistentry AS entry (organization_id, phone_number, lid, reason, blocked_by_staff, asked_by,
    source, evidence_text, evidence_id, evidence_at, created_at)
SELECT %s, given.phone_number, given.lid, 'opted_out', given.by_staff, 'keyword', given.source, given.text,
    given.whatsapp_id, given.at, now()
FROM unnest(%s::text[], %s::text[], %s::boolean[], %s::text[], %s::text[], %s::text[], %s::timestamptz[])
    AS given (phone_number, lid, by_staff, source, text, whatsapp_id, at)
ORDER BY given.phone_number
ON CONFLICT (organization_id, phone_number) DO UPDATE SET reason = 'opted_out', asked_by = excluded.asked_by,
    blocked_by_staff = entry.blocked_by_staff OR entry.reason = 'blocked', source = excluded.source,
    evidence_text = excluded.evidence_text, evidence_id = excluded.evidence_id, evidence_at = excluded.evidence_at
"""


def _insert(organization_id: int, entries: list[BlocklistEntry]) -> None:
    with_number = [entry for entry in entries if entry.phone_number]
    if with_number:
        fields = ("phone_number", "lid", "blocked_by_staff", "source", "evidence_text", "evidence_id", "evidence_at")
        columns = [[getattr(entry, name) for entry in with_number] for name in fields]
        with connection.cursor() as cursor:
            cursor.execute(_INSERT_SQL, [organization_id, *columns])
    without = [entry for entry in entries if not entry.phone_number]
    BlocklistEntry.objects.bulk_create(without, ignore_conflicts=True)


# Who left while WhatsApp showed their LID alone: the wish moves to the number that is known by now.
_FILL_IN_SQL = """
WITH known AS (
    SELECT * FROM unnest(%(lids)s::text[], %(numbers)s::text[]) AS each (lid, phone_number)
), by_lid AS (
    DELETE FROM contacts_blocklistentry AS entry USING known
    WHERE entry.organization_id = %(organization)s AND entry.phone_number IS NULL AND entry.lid = known.lid
        AND entry.lid <> ''
    RETURNING entry.*, known.phone_number AS number
)
INSERT INTO contacts_blocklistentry AS entry (organization_id, phone_number, lid, reason, blocked_by_staff, asked_by,
    source, evidence_text, evidence_id, evidence_at, created_at)
SELECT DISTINCT ON (number) organization_id, number, lid, reason, blocked_by_staff, asked_by, source, evidence_text,
    evidence_id, evidence_at, created_at
FROM by_lid ORDER BY number, reason DESC
ON CONFLICT (organization_id, phone_number) DO UPDATE SET
    lid = excluded.lid,
    reason = GREATEST(entry.reason, excluded.reason),
    blocked_by_staff = entry.blocked_by_staff OR excluded.blocked_by_staff OR entry.reason <> excluded.reason,
    asked_by = CASE WHEN entry.reason < excluded.reason THEN excluded.asked_by ELSE entry.asked_by END,
    source = CASE WHEN entry.reason < excluded.reason THEN excluded.source ELSE entry.source END,
    evidence_text = CASE WHEN entry.reason < excluded.reason THEN excluded.evidence_text ELSE entry.evidence_text END,
    evidence_id = CASE WHEN entry.reason < excluded.reason THEN excluded.evidence_id ELSE entry.evidence_id END,
    evidence_at = CASE WHEN entry.reason < excluded.reason THEN excluded.evidence_at ELSE entry.evidence_at END
"""


def fill_in_numbers(*, organization_id: int, numbers: dict[str, str]) -> None:
    """Entries of LIDs get the number that was learned (LID to number), and so hold for what goes to the number."""
    if numbers:
        with connection.cursor() as cursor:
            cursor.execute(
                _FILL_IN_SQL,
                {"organization": organization_id, "lids": list(numbers), "numbers": list(numbers.values())},
            )
