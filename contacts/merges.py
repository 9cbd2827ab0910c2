"""Makes two contacts that are one person one contact, and parts them again.

The ledger keeps every number as it was: messages follow by number, because the number that is not kept as the contact's
own stays with it as another one (`OtherNumber`), so that whoever writes from it, or is imported under it, is found.
Whatever points at a contact follows, whichever app it belongs to.
"""

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, connection, models, transaction
from django.db.models import Q
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.models import Organization
from accounts.services import Actor, record
from contacts import consent, events
from contacts.models import BlocklistEntry, Consent, Contact, ContactEvent, ContactMerge, OtherNumber
from contacts.phone_numbers import masked
from contacts.services import NotAllowed

UNDO_DAYS = 30
ATTRIBUTE = "attributes."  # begins the name of an attribute among `Difference.field` and `take`


@dataclass(frozen=True)
class Difference:
    """A value that the two have differently. `kept` stays unless `field` is taken from the other one; a value that one
    of them lacks comes from the one who has it, without a question."""

    field: str
    label: str
    kept: str
    other: str

    @property
    def is_question(self) -> bool:
        return bool(self.kept and self.other)


def differences(kept: Contact, other: Contact) -> list[Difference]:
    """What a person must decide, or will see come over, before the two are merged."""
    found = [
        Difference("name", _("Name"), kept.name, other.name),
        Difference("phone_number", _("Number that messages go to"), kept.phone_number, other.phone_number),
    ]
    for key in sorted({*kept.attributes, *other.attributes}):
        mine, theirs = (_text(person.attributes.get(key)) for person in (kept, other))
        found.append(Difference(ATTRIBUTE + key, key, mine, theirs))
    return [each for each in found if each.kept != each.other and each.other]


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def merge(
    *,
    organization: Organization,
    kept: Contact,
    other: Contact,
    take: Collection[str] = (),
    by: Actor = None,
    source: str = "",
) -> ContactMerge:
    """Makes `other` part of `kept`. `take` names the values (`Difference.field`) in which the other one wins.

    Tags and lists of both stay. Where either number is on the blocklist, both are afterwards: the person said so. The
    last word on consent, under whichever number it was said, holds for both.
    Raises `NotAllowed` where one of the two is gone, such as merged by somebody else at this moment.
    """
    if kept.pk == other.pk:
        raise NotAllowed(_("Choose two different contacts."))
    with transaction.atomic():
        rows = _locked(organization.pk, [kept.pk, other.pk])
        if len(rows) < 2:
            raise NotAllowed(_("One of the two contacts is no longer there. Reload the page and choose again."))
        mine, theirs = rows[kept.pk], rows[other.pk]
        written, further = _united(mine, theirs, set(take))
        moved, left = _move_belongings(other.pk, kept.pk)
        Contact.objects.filter(pk=other.pk)._raw_delete(using=Contact.objects.db)
        Contact.objects.filter(pk=kept.pk).update(**written, updated_at=now())
        _keep_as_other_numbers(organization.pk, kept.pk, further)
        blocked = _block_all(organization.pk, [_pair(mine), _pair(theirs)])
        _share_consent(organization.pk, [mine["phone_number"], theirs["phone_number"]])
        done = ContactMerge.objects.create(
            organization_id=organization.pk,
            kept_id=kept.pk,
            other_id=other.pk,
            before={
                "kept": mine,
                "other": theirs,
                "written": {**written, "created_at": str(written["created_at"])},
                "moved": moved,
                "left": left,
                "blocked": blocked,
            },
            source=(source or events.name_of(by))[:200],
        )
        who = {"name": theirs["name"], "phone_number": theirs["phone_number"], "merge": done.pk}
        events.record(
            organization_id=organization.pk,
            contact_ids=[kept.pk],
            kind=ContactEvent.Kind.MERGED,
            by=by,
            source=source,
            **who,
        )
        _audit(organization, by, "contacts.merged", mine, theirs)
    return done


def _share_consent(organization_id: int, numbers: list[str]) -> None:
    said = Consent.objects.filter(organization_id=organization_id, phone_number__in=[n for n in numbers if n])
    last = said.order_by("-at").first()
    if last is not None:
        others = {number for number in numbers if number} - {last.phone_number}
        consent.write(
            organization_id=organization_id,
            said=[consent.Statement(n, last.is_given, last.source, last.evidence, last.at) for n in others],
        )


def may_be_undone(done: ContactMerge) -> bool:
    """Whether it is young enough and the latest one of its contact: merges are undone in their reverse order."""
    is_young = done.at > now() - timedelta(days=UNDO_DAYS)
    return is_young and not ContactMerge.objects.filter(kept_id=done.kept_id, pk__gt=done.pk).exists()


def undo(*, done: ContactMerge, by: Actor = None) -> Contact:
    """Parts the two again, each with what it had, its lists and its history; returns the one that comes back.

    What somebody changed in the kept contact since then stays changed. Raises `NotAllowed`, with the reason.
    """
    with transaction.atomic():
        found = ContactMerge.objects.select_for_update().filter(pk=done.pk).select_related("organization").first()
        if found is None:
            raise NotAllowed(_("This merge was undone already."))
        done, organization = found, found.organization
        current = _locked(organization.pk, [done.kept_id])[done.kept_id]
        if not may_be_undone(done):
            text = _("Undo the later merges of this contact first. A merge can be undone for %(days)s days.")
            raise NotAllowed(text % {"days": UNDO_DAYS})
        mine, theirs = done.before["kept"], done.before["other"]
        _check_free(organization.pk, done.kept_id, theirs)
        values = _values_before(current, mine, theirs, done.before["written"])
        Contact.objects.filter(pk=done.kept_id).update(**values, updated_at=now())
        _drop_other_numbers(done, [_pair(theirs), (values["phone_number"], values["lid"])])
        _insert("contacts_contact", Contact, [theirs])
        _move_back(done)
        BlocklistEntry.objects.filter(pk__in=done.before["blocked"]).delete()
        ids = [done.kept_id, done.other_id]
        events.record(organization_id=organization.pk, contact_ids=ids, kind=ContactEvent.Kind.UNMERGED, by=by)
        _audit(organization, by, "contacts.unmerged", mine, theirs)
        done.delete()
        return Contact.objects.get(pk=ids[1])


def forget_old() -> int:
    """Drops what it takes to undo merges that are too old for it; gives how many. The numbers stay with the contacts."""
    return ContactMerge.objects.filter(at__lt=now() - timedelta(days=UNDO_DAYS)).delete()[0]


# -- What the two become --


def _locked(organization_id: int, ids: list[int]) -> dict[int, dict[str, Any]]:
    """The rows with all their columns, locked in one order so that two merges do not wait for each other in a circle."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT contact.id, to_jsonb(contact) FROM contacts_contact AS contact
            WHERE organization_id = %s AND id = ANY(%s) ORDER BY id FOR UPDATE
            """,
            [organization_id, ids],
        )
        return {contact_id: json.loads(row) for contact_id, row in cursor.fetchall()}


def _pair(row: dict[str, Any]) -> tuple[str, str]:
    return row["phone_number"], row["lid"]


def _united(
    mine: dict[str, Any], theirs: dict[str, Any], take: set[str]
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The values of the merged contact, and the (number, LID) pairs that stay as other ones. A LID goes with its number."""
    own, further = _pair(mine), _pair(theirs)
    if further[0] and (not own[0] or "phone_number" in take):
        own, further = further, own
    if not further[0] and not own[1]:
        own, further = (own[0], further[1]), ("", "")
    attributes = {**theirs["attributes"]}
    for key, value in mine["attributes"].items():
        if (_text(value) and not (ATTRIBUTE + key in take and _text(attributes.get(key)))) or key not in attributes:
            attributes[key] = value
    written = {
        "name": theirs["name"] if theirs["name"] and (not mine["name"] or "name" in take) else mine["name"],
        "phone_number": own[0],
        "lid": own[1],
        "attributes": attributes,
        "tags": sorted({*mine["tags"], *theirs["tags"]}),
        "created_at": min(mine["created_at"], theirs["created_at"]),
    }
    return written, [further] if any(further) else []


def _values_before(
    current: dict[str, Any], mine: dict[str, Any], theirs: dict[str, Any], written: dict[str, Any]
) -> dict[str, Any]:
    """The kept contact's own values, but for those that somebody changed since the merge."""
    values = {
        field: mine[field] if current[field] == written[field] else current[field]
        for field in ("name", "phone_number", "lid", "created_at")
    }
    attributes = dict(current["attributes"])
    for key in {*mine["attributes"], *theirs["attributes"]}:
        if attributes.get(key) == written["attributes"].get(key):
            attributes.pop(key, None)
            if key in mine["attributes"]:
                attributes[key] = mine["attributes"][key]
    brought = set(theirs["tags"]) - set(mine["tags"])
    return {**values, "attributes": attributes, "tags": [tag for tag in current["tags"] if tag not in brought]}


def _check_free(organization_id: int, kept_id: int, theirs: dict[str, Any]) -> None:
    phone_number, lid = _pair(theirs)
    taken = Contact.objects.filter(organization_id=organization_id).exclude(pk=kept_id)
    if phone_number and taken.filter(phone_number=phone_number).exists():
        text = _("%(number)s belongs to another contact by now. Delete or merge that one first.")
        raise NotAllowed(text % {"number": phone_number})
    if lid and taken.filter(lid=lid).exists():
        raise NotAllowed(_("Another contact has the LID of this one by now. Delete or merge that one first."))


# -- Numbers --


def _keep_as_other_numbers(organization_id: int, contact_id: int, pairs: list[tuple[str, str]]) -> None:
    for phone_number, lid in pairs:
        stale = Q(phone_number=phone_number) & ~Q(phone_number="") | Q(lid=lid) & ~Q(lid="")
        OtherNumber.objects.filter(stale, organization_id=organization_id).delete()
        OtherNumber.objects.create(
            organization_id=organization_id, contact_id=contact_id, phone_number=phone_number, lid=lid
        )


def _drop_other_numbers(done: ContactMerge, pairs: list[tuple[str, str]]) -> None:
    """Those that are a contact's own again."""
    numbers, lids = ({pair[place] for pair in pairs} - {""} for place in (0, 1))
    stale = Q(phone_number__in=numbers) | Q(phone_number="", lid__in=lids)
    OtherNumber.objects.filter(stale, contact_id=done.kept_id).delete()
    OtherNumber.objects.filter(contact_id=done.kept_id, lid__in=lids).update(lid="")


def _block_all(organization_id: int, pairs: list[tuple[str, str]]) -> list[int]:
    """Puts all of a person's numbers on the blocklist where one of them is, or their LID; gives the ids of the new
    entries."""
    numbers, lids = ([pair[place] for pair in pairs if pair[place]] for place in (0, 1))
    whose = Q(phone_number__in=numbers) | Q(phone_number=None, lid__in=lids)
    entries = list(BlocklistEntry.objects.filter(whose, organization_id=organization_id).values())
    if not entries:
        return []
    strictest = min(entries, key=lambda entry: entry["reason"] != BlocklistEntry.Reason.OPTED_OUT)
    known = {entry["phone_number"] for entry in entries}
    new = [
        BlocklistEntry(**{**strictest, "id": None, "phone_number": number, "lid": lid})
        for number, lid in pairs
        if number and number not in known
    ]
    return [entry.pk for entry in BlocklistEntry.objects.bulk_create(new)]


# -- Whatever points at a contact --


def _belongings() -> Iterator[tuple[type[models.Model], str, str, str | None]]:
    """Every table with a foreign key to contacts: its model, its name, the column of the key, its primary key."""
    for relation in Contact._meta.related_objects:
        model = relation.related_model
        if isinstance(model, type) and isinstance(relation.field, models.ForeignKey) and model._meta.managed:
            options = model._meta
            yield model, options.db_table, relation.field.column, options.pk.column


def _move_belongings(old_id: int, new_id: int) -> tuple[dict[str, list[Any]], dict[str, list[Any]]]:
    """Gives, by table and column, the keys of the rows that moved, and the rows that could not, such as a membership
    of a list that both were on, which are deleted."""
    moved: dict[str, list[Any]] = {}
    left: dict[str, list[Any]] = {}
    with connection.cursor() as cursor:
        for _model, table, column, key in _belongings():
            cursor.execute(f'SELECT "{key}" FROM "{table}" WHERE "{column}" = %s ORDER BY 1 FOR UPDATE', [old_id])
            keys = [row[0] for row in cursor.fetchall()]
            stays = _moved_as_far_as_possible(
                f'UPDATE "{table}" SET "{column}" = %s WHERE "{key}" = ANY(%s)', new_id, keys
            )
            place = f"{table}.{column}"
            if gone := [each for each in keys if each not in stays]:
                moved[place] = gone
            if stays:
                statement = f'DELETE FROM "{table}" AS row WHERE "{key}" = ANY(%s) RETURNING to_jsonb(row)'
                cursor.execute(statement, [list(stays)])
                left[place] = [json.loads(row[0]) for row in cursor.fetchall()]
    return moved, left


def _moved_as_far_as_possible(statement: str, new_id: int, keys: list[Any]) -> set[Any]:
    """Moves the rows, at once or else one by one; gives the keys of those that a unique constraint does not let go."""
    if not keys:
        return set()
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, [new_id, keys])
    except IntegrityError:
        if len(keys) == 1:
            return set(keys)
        return {key for each in keys for key in _moved_as_far_as_possible(statement, new_id, [each])}
    return set()


def _move_back(done: ContactMerge) -> None:
    with connection.cursor() as cursor:
        for model, table, column, key in _belongings():
            place = f"{table}.{column}"
            cursor.execute(
                f'UPDATE "{table}" SET "{column}" = %s WHERE "{key}" = ANY(%s) AND "{column}" = %s',
                [done.other_id, done.before["moved"].get(place, []), done.kept_id],
            )
            _insert(table, model, done.before["left"].get(place, []))


def _insert(table: str, model: type[models.Model], rows: list[dict[str, Any]]) -> None:
    """Rows as `to_jsonb` gave them. Columns that are newer than the rows get their default."""
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    for row in rows:
        columns = ", ".join(f'"{field.column}"' for field in fields if field.column in row)
        with connection.cursor() as cursor:
            cursor.execute(
                f'INSERT INTO "{table}" ({columns}) OVERRIDING SYSTEM VALUE'
                f' SELECT {columns} FROM jsonb_populate_record(NULL::"{table}", %s::jsonb)',
                [json.dumps(row)],
            )


def _audit(organization: Organization, by: Actor, action: str, mine: dict[str, Any], theirs: dict[str, Any]) -> None:
    names = [masked(row["phone_number"]) if row["phone_number"] else "LID" for row in (mine, theirs)]
    record(organization=organization, by=by, action=action, target=" + ".join(names))
