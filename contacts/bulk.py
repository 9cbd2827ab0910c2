"""Adds and changes up to a thousand people at once, found by their phone number. Repeats change nothing."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction

from accounts.models import Organization
from accounts.services import Actor, record
from contacts import attributes as attribute_rules
from contacts import events, lists, people, tags
from contacts.models import Contact, ContactEvent, ContactList, OtherNumber
from contacts.phone_numbers import InvalidNumber, normalise

MOST_ROWS = 1_000

CREATED, UPDATED, UNCHANGED, MERGED, INVALID = "created", "updated", "unchanged", "merged", "invalid"


@dataclass
class Row:
    """What became of one row: `created`, `updated`, `unchanged`, `merged` into a later row of the same person, or
    `invalid` with `errors` by field. Values as they were understood."""

    phone_number: str = ""
    name: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    tags: list[str] = field(default_factory=list)
    status: str = ""
    contact_id: int | None = None
    errors: dict[str, list[str]] = field(default_factory=dict)


def upsert(
    *,
    organization: Organization,
    rows: Sequence[Mapping[str, Any]],
    contact_list: ContactList | None = None,
    by: Actor = None,
) -> list[Row]:
    """Adds people, or changes those there are: `{"phone_number", "name"?, "attributes"?, "tags"?}` each.

    Values that are given win over those known, empty ones leave them, and tags are added. Of rows with one number the
    later ones win. A row that cannot be used is `invalid` and keeps nobody else from being written.
    """
    kinds = attribute_rules.kinds_of(organization.pk)
    read = [_read(organization, row, kinds) for row in rows]
    with transaction.atomic():
        _find_by_other_numbers(organization, read)
        wanted = _one_row_a_person(read)
        if wanted:
            _write(organization, wanted, by)
            if contact_list is not None:
                ids = {row.contact_id for row in wanted if row.contact_id is not None}
                lists.add(contact_list=contact_list, contacts=ids, by=by)
    by_number = {row.phone_number: row.contact_id for row in wanted}
    for row in read:
        row.contact_id = by_number.get(row.phone_number) if row.status != INVALID else None
    return read


def _read(organization: Organization, given: Mapping[str, Any], kinds: Mapping[str, str]) -> Row:
    row = Row()
    try:
        row.phone_number = normalise(given.get("phone_number") or "", organization.default_region)
    except InvalidNumber as error:
        row.errors["phone_number"] = [str(error)]
    for field_name, read in (
        ("name", lambda value: people.clean_name(value or "")),
        ("attributes", lambda value: _filled(people.clean_attributes(organization, value or {}, kinds=kinds))),
        ("tags", lambda value: tags.tag_names(value or [])),
    ):
        try:
            setattr(row, field_name, read(given.get(field_name)))
        except ValidationError as error:
            row.errors[field_name] = error.messages
    if row.errors:
        row.status = INVALID
    return row


def _find_by_other_numbers(organization: Organization, rows: Sequence[Row]) -> None:
    """Whose other number is given is written under their own."""
    numbers = [row.phone_number for row in rows if row.status != INVALID]
    others = OtherNumber.objects.for_organization(organization).filter(phone_number__in=numbers)
    own = dict(others.exclude(contact__phone_number="").values_list("phone_number", "contact__phone_number"))
    known = set(
        Contact.objects.for_organization(organization)
        .filter(phone_number__in=list(own))
        .values_list("phone_number", flat=True)
    )
    for row in rows:
        if row.phone_number in own and row.phone_number not in known:
            row.phone_number = own[row.phone_number]


def _one_row_a_person(rows: Sequence[Row]) -> list[Row]:
    """The rows to write, in the order of their numbers; earlier rows of a person fill the gaps of the last one."""
    last: dict[str, Row] = {}
    for row in rows:
        if row.status == INVALID:
            continue
        if (earlier := last.get(row.phone_number)) is not None:
            earlier.status = MERGED
            row.name = row.name or earlier.name
            row.attributes = {**earlier.attributes, **row.attributes}
            row.tags = sorted({*earlier.tags, *row.tags})
        last[row.phone_number] = row
    return [last[number] for number in sorted(last)]


def _filled(attributes: Mapping[str, str | None]) -> dict[str, str]:
    return {key: value for key, value in attributes.items() if value}


# Only rows that change something are written, so that a repeat touches nothing.
_UPSERT_SQL = """
WITH wanted AS (
    SELECT phone_number, name, attributes::jsonb AS attributes,
        ARRAY(SELECT jsonb_array_elements_text(tags::jsonb))::varchar[] AS tags
    FROM unnest(%(numbers)s::text[], %(names)s::text[], %(attributes)s::text[], %(tags)s::text[])
        AS given (phone_number, name, attributes, tags)
), before AS (
    SELECT contact.id, contact.phone_number, contact.name, contact.attributes, contact.tags
    FROM wanted JOIN contacts_contact AS contact ON contact.organization_id = %(organization)s
        AND contact.phone_number = wanted.phone_number AND contact.phone_number <> ''
), written AS (
    INSERT INTO contacts_contact AS known
        (organization_id, phone_number, name, attributes, tags, created_at, updated_at)
    SELECT %(organization)s, phone_number, name, attributes, tags, now(), now() FROM wanted ORDER BY phone_number
    ON CONFLICT (organization_id, phone_number) WHERE phone_number <> '' DO UPDATE SET
        name = COALESCE(NULLIF(excluded.name, ''), known.name),
        attributes = known.attributes || excluded.attributes,
        tags = ARRAY(
            SELECT DISTINCT tag COLLATE "C" AS tag FROM unnest(known.tags || excluded.tags) AS tag ORDER BY tag
        ),
        updated_at = now()
    WHERE excluded.name NOT IN ('', known.name) OR NOT known.attributes @> excluded.attributes
        OR NOT known.tags @> excluded.tags
    RETURNING id, phone_number, name, attributes, tags, xmax = 0 AS is_new
)
SELECT wanted.phone_number, COALESCE(written.id, before.id), written.is_new, written.name, written.attributes,
    written.tags, before.name, before.attributes, before.tags
FROM wanted LEFT JOIN written USING (phone_number) LEFT JOIN before USING (phone_number)
"""


def _write(organization: Organization, rows: Sequence[Row], by: Actor) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            _UPSERT_SQL,
            {
                "organization": organization.pk,
                "numbers": [row.phone_number for row in rows],
                "names": [row.name for row in rows],
                "attributes": [json.dumps(row.attributes) for row in rows],
                "tags": [json.dumps(row.tags) for row in rows],
            },
        )
        found = {number: rest for number, *rest in cursor.fetchall()}
    edits: dict[int, dict[str, Any]] = {}
    tagged: dict[int, dict[str, Any]] = {}
    created = []
    for row in rows:
        contact_id, is_new, *values = found[row.phone_number]
        row.contact_id, row.status = contact_id, UNCHANGED
        if is_new:
            row.status = CREATED
            created.append(contact_id)
        elif is_new is not None:
            row.status = UPDATED
            _note_changes(contact_id, values, edits, tagged)
    _find_missing(organization, rows)
    here, kinds = organization.pk, ContactEvent.Kind
    events.record(organization_id=here, contact_ids=created, kind=kinds.CREATED, by=by)
    events.record_each(organization_id=here, details=edits, kind=kinds.EDITED, by=by)
    events.record_each(organization_id=here, details=tagged, kind=kinds.TAGS_ADDED, by=by)
    keys = {key: "" for row in rows for key in row.attributes}
    attribute_rules.ensure(organization_id=here, labels=keys)
    updated = sum(row.status == UPDATED for row in rows)
    if created or updated:
        action = "contacts.upserted"
        record(organization=organization, by=by, action=action, created=len(created), updated=updated)


def _note_changes(
    contact_id: int, values: Sequence[Any], edits: dict[int, dict[str, Any]], tagged: dict[int, dict[str, Any]]
) -> None:
    """What an update changed, for the timeline. Of a row that somebody else wrote at this moment, nothing is known."""
    name, attributes, tag_names, name_before, attributes_before, tags_before = values
    if name_before is None:
        return
    attributes, attributes_before = json.loads(attributes), json.loads(attributes_before)
    changes = people.changed_attributes(attributes_before, attributes)
    if name != name_before:
        changes["name"] = {"from": name_before, "to": name}
    if changes:
        edits[contact_id] = {"changes": changes}
    if added := sorted(set(tag_names) - set(tags_before)):
        tagged[contact_id] = {"tags": added}


def _find_missing(organization: Organization, rows: Sequence[Row]) -> None:
    """Contacts that somebody else made at this moment, with the same values: the statement did not see them."""
    missing = {row.phone_number: row for row in rows if row.contact_id is None}
    found = Contact.objects.for_organization(organization).filter(phone_number__in=list(missing))
    for contact_id, number in found.values_list("pk", "phone_number"):
        missing[number].contact_id = contact_id
