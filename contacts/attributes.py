"""The attributes that an organization's contacts have, and their types."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils.translation import gettext as _

from accounts.models import Organization
from accounts.services import Actor, record
from contacts import values
from contacts.models import AttributeDefinition, AttributeKind

MISFITS_SHOWN = 20
VALUES_AT_A_TIME = 5_000


@dataclass(frozen=True, slots=True)
class Check:
    """What a new type would do to the values there are. `people` is of those who have a value, `misfits` of those
    whose value does not fit; `examples` are such values with how many people have each, the most frequent first."""

    people: int
    misfits: int
    examples: list[tuple[str, int]]


def kinds_of(organization_id: int) -> dict[str, str]:
    """The type of every attribute by its key."""
    return dict(AttributeDefinition.objects.filter(organization=organization_id).values_list("key", "kind"))


def ensure(*, organization_id: int, labels: Mapping[str, str], kinds: Mapping[str, str] | None = None) -> None:
    """Makes definitions of keys that are new. `labels` gives by key how people call it, or nothing; `kinds` the type
    of those that are no text."""
    if not labels:
        return
    known = AttributeDefinition.objects.filter(organization=organization_id, key__in=labels)
    missing = set(labels) - set(known.values_list("key", flat=True))
    AttributeDefinition.objects.bulk_create(
        [
            AttributeDefinition(
                organization_id=organization_id,
                key=key,
                label=labels[key].strip()[:200],
                kind=(kinds or {}).get(key, AttributeKind.TEXT),
            )
            for key in sorted(missing)
            if key and len(key) <= 200
        ],
        ignore_conflicts=True,  # somebody else may bring the same key at this moment
    )


def checked(
    *, organization: Organization, written: Mapping[str, Any], known: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Attributes in their stored form, with definitions made for new keys. `known` are those that the contact has.

    Raises `ValidationError` for `attributes` that names every key whose value does not fit its type.
    """
    stored, misfits = values.fitting(
        kinds_of(organization.pk), written, region=organization.default_region, known=known
    )
    if misfits:
        raise ValidationError({"attributes": [f"{key}: {reason}" for key, reason in misfits.items()]})
    ensure(organization_id=organization.pk, labels=dict.fromkeys(written, ""))
    return stored


def create_definition(
    *, organization: Organization, key: str, label: str = "", kind: str = AttributeKind.TEXT, by: Actor = None
) -> AttributeDefinition:
    """A new attribute that no contact has yet. Raises `ValidationError` with the fields' names."""
    if not key:
        raise ValidationError({"label": _("Write a name with at least one letter or digit.")})
    if len(key) > 200:
        raise ValidationError({"label": _("The name may have 200 characters.")})
    with transaction.atomic():
        made, is_new = AttributeDefinition.objects.get_or_create(
            organization=organization, key=key, defaults={"label": label.strip()[:200], "kind": kind}
        )
        if not is_new:
            raise ValidationError({"label": _("There is an attribute “%(name)s” already.") % {"name": made}})
        record(organization=organization, by=by, action="contacts.attribute_created", target=key, kind=kind)
    return made


def rename_label(*, definition: AttributeDefinition, label: str, by: Actor = None) -> None:
    """Changes how people call it; the variable in texts stays."""
    definition.label = label.strip()[:200]
    definition.save(update_fields=["label"])
    record(organization=definition.organization, by=by, action="contacts.attribute_renamed", target=definition.key)


def check_kind(definition: AttributeDefinition, kind: str) -> Check:
    """Reads every value as the other type; nothing is changed."""
    people = misfits = 0
    bad: list[tuple[str, int]] = []
    mark = _decimal_mark(definition, kind)
    region = definition.organization.default_region
    for text, number in _distinct_values(definition):
        people += number
        try:
            values.canonical(kind, text, region=region, decimal_mark=mark)
        except values.DoesNotFit:
            misfits += number
            bad = sorted([*bad, (text, number)], key=lambda each: (-each[1], each[0]))[:MISFITS_SHOWN]
    return Check(people, misfits, bad)


def want_kind(*, definition: AttributeDefinition, kind: str, by: Actor = None) -> None:
    """Asks for another type; a task rewrites the values, and the type changes when all are written.

    What does not fit stays as it is written, and counts as no value wherever numbers or dates are compared.
    """
    if kind not in AttributeKind.values:
        raise ValidationError({"kind": _("Choose text, number, date, or yes or no.")})
    if kind == definition.kind and not definition.wanted_kind:
        return
    with transaction.atomic():
        AttributeDefinition.objects.filter(pk=definition.pk).update(wanted_kind=kind)
        record(
            organization=definition.organization,
            by=by,
            action="contacts.attribute_kind_changed",
            target=definition.key,
            before=definition.kind,
            after=kind,
        )
    definition.wanted_kind = kind


def convert(*, definition_id: int) -> None:
    """Rewrites the values of an attribute for the type that was asked for. One transaction; safe to repeat."""
    with transaction.atomic():
        locked = AttributeDefinition.objects.select_for_update(of=("self",)).select_related("organization")
        definition = locked.filter(pk=definition_id).exclude(wanted_kind="").first()
        if definition is None:
            return  # done by another process
        if definition.wanted_kind != AttributeKind.TEXT:
            _rewrite(definition)
        definition.kind, definition.wanted_kind = definition.wanted_kind, ""
        definition.save(update_fields=["kind", "wanted_kind"])


def unconverted() -> list[int]:
    """Attributes whose values are still to be rewritten, because the task was lost with its worker."""
    return list(AttributeDefinition.objects.exclude(wanted_kind="").values_list("pk", flat=True))


def _rewrite(definition: AttributeDefinition) -> None:
    mark = _decimal_mark(definition, definition.wanted_kind)
    region = definition.organization.default_region
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE rewritten (was text, becomes text) ON COMMIT DROP")
        changed = []
        for text, _number in _distinct_values(definition):
            try:
                becomes = values.canonical(definition.wanted_kind, text, region=region, decimal_mark=mark)
            except values.DoesNotFit:
                continue
            if becomes != text:
                changed.append((text, becomes))
        if changed:
            with cursor.copy("COPY rewritten (was, becomes) FROM STDIN") as copy:
                for row in changed:
                    copy.write_row(row)
            cursor.execute("ANALYZE rewritten")
            cursor.execute(
                """
                UPDATE contacts_contact AS contact SET updated_at = now(),
                    attributes = jsonb_set(contact.attributes, ARRAY[%(key)s]::text[], to_jsonb(rewritten.becomes))
                FROM rewritten
                WHERE contact.organization_id = %(organization)s AND contact.attributes ->> %(key)s = rewritten.was
                """,
                {"key": definition.key, "organization": definition.organization_id},
            )
        cursor.execute("DROP TABLE rewritten")


def _decimal_mark(definition: AttributeDefinition, kind: str) -> str:
    if kind != AttributeKind.NUMBER:
        return ""
    return values.decimal_mark_of(text for text, _number in _distinct_values(definition))


def _distinct_values(definition: AttributeDefinition) -> Iterable[tuple[str, int]]:
    """The values of an attribute that are not blank, with how many people have each."""
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(
            """
            SELECT attributes ->> %(key)s AS value, count(*) FROM contacts_contact
            WHERE organization_id = %(organization)s AND attributes ->> %(key)s ~ '\\S' GROUP BY 1
            """,
            {"key": definition.key, "organization": definition.organization_id},
        )
        while rows := cursor.fetchmany(VALUES_AT_A_TIME):
            yield from rows
