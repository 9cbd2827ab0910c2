"""Who agreed to be messaged: written as it is said, one person or a whole list at a time, and asked for when sending.

The last thing that a person said counts, by the time at which they said it. Where that time is not known, as in most
lists, it takes nothing back: a list never overturns what its people have withdrawn. The blocklist is stronger than any
consent.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.models import Organization
from accounts.services import Actor, record
from contacts import events
from contacts.cells import agrees
from contacts.columns import CONSENT, CONSENT_AT, CONSENT_SOURCE, from_json
from contacts.events import Kind
from contacts.models import AskedBy, Consent, ConsentChange, ListImport, OptOutEvent
from contacts.models.consent import EVIDENCE_LENGTH, SOURCE_LENGTH
from contacts.phone_numbers import masked, normalise

CLOCKS_DIFFER = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Statement:
    """That the owner of a number agreed, or took it back. `at` None: it is not known when, but before now."""

    phone_number: str  # E.164
    is_given: bool
    source: str = ""
    evidence: str = ""
    at: datetime | None = None


# `said` has phone_number, is_given, source, evidence, at and place: of one number the last place counts. Rows are taken
# in one order, so that two writers do not wait for each other in a circle.
_WRITE_SQL = """
WITH said AS ({said}), news AS (
    SELECT DISTINCT ON (phone_number) said.* FROM said ORDER BY phone_number, place DESC
), written AS (
    INSERT INTO contacts_consent AS known (organization_id, phone_number, is_given, source, evidence, at)
    SELECT %(organization)s, phone_number, is_given, source, evidence, COALESCE(at, statement_timestamp())
    FROM news WHERE is_given IS NOT NULL AND NOT (at IS NULL AND is_given AND EXISTS (
        SELECT FROM contacts_consent AS before WHERE before.organization_id = %(organization)s
            AND before.phone_number = news.phone_number AND NOT before.is_given
    ))
    ORDER BY phone_number
    ON CONFLICT (organization_id, phone_number) DO UPDATE SET is_given = excluded.is_given, at = excluded.at,
        source = excluded.source, evidence = excluded.evidence
    WHERE excluded.at >= known.at AND (known.is_given, known.source, known.evidence)
        IS DISTINCT FROM (excluded.is_given, excluded.source, excluded.evidence)
    RETURNING phone_number, is_given, source, evidence, at
)
INSERT INTO contacts_consentchange
    (organization_id, phone_number, is_given, source, evidence, at, recorded_at, list_import_id)
SELECT %(organization)s, phone_number, is_given, source, evidence, at, now(), %(import)s::bigint
FROM written ORDER BY phone_number
"""
_STATEMENTS_SQL = """
SELECT given.* FROM unnest(%(numbers)s::text[], %(given)s::boolean[], %(sources)s::text[], %(evidence)s::text[],
    %(times)s::timestamptz[]) WITH ORDINALITY AS given (phone_number, is_given, source, evidence, at, place)
"""
# A day that no calendar has, such as 30 February, is counted on from the first of its month.
_IMPORT_SQL = r"""
SELECT phone_number, row_number AS place, %(proof)s AS evidence,
    CASE WHEN said = ANY(%(yes)s) THEN TRUE WHEN said = ANY(%(no)s) THEN FALSE WHEN %(everybody)s THEN TRUE END
        AS is_given,
    left(COALESCE(NULLIF(btrim(values ->> %(source_column)s), ''), %(source)s), %(source_length)s) AS source,
    CASE WHEN day ~ '^\d\d\d\d-\d\d-\d\d' AND left(day, 4) > '1970'
        THEN LEAST(now(), make_date(left(day, 4)::int, 1, 1)::timestamptz + make_interval(
            months => LEAST(12, substr(day, 6, 2)::int) - 1, days => substr(day, 9, 2)::int - 1))
        ELSE %(at)s::timestamptz END AS at
FROM contacts_importedrow CROSS JOIN LATERAL (
    SELECT COALESCE(values ->> %(column)s, '') AS said, values ->> %(at_column)s AS day
) AS cells
WHERE list_import_id = %(import)s AND phone_number <> ''
"""


def write(*, organization_id: int, said: Sequence[Statement]) -> int:
    """Writes what people said; returns for how many that was news. Repeats and older news change nothing."""
    if not said:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            _WRITE_SQL.format(said=_STATEMENTS_SQL),
            {
                "organization": organization_id,
                "import": None,
                "numbers": [each.phone_number for each in said],
                "given": [each.is_given for each in said],
                "sources": [each.source[:SOURCE_LENGTH] for each in said],
                "evidence": [each.evidence[:EVIDENCE_LENGTH] for each in said],
                "times": [each.at for each in said],
            },
        )
        return cursor.rowcount


def write_import(*, list_import: ListImport, evidence: str = "", at: datetime | None = None) -> int:
    """What a read import says of consent. Where the sheet has a column for it, that says who agreed and who took it
    back; where the import has a `consent_source`, everybody else agreed there. Returns for how many it was news. Call it
    in the transaction that uses the import's rows, while they are there."""
    keys = {column.role: column.key for column in from_json(list_import.columns)}
    if CONSENT not in keys and not list_import.consent_source:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT COALESCE(values ->> %s, '') FROM contacts_importedrow WHERE list_import_id = %s",
            [keys.get(CONSENT, ""), list_import.pk],
        )
        meant = {written: agrees(written) for (written,) in cursor.fetchall()}
        cursor.execute(
            _WRITE_SQL.format(said=_IMPORT_SQL),
            {
                "organization": list_import.organization_id,
                "import": list_import.pk,
                "column": keys.get(CONSENT, ""),
                "at_column": keys.get(CONSENT_AT, ""),
                "source_column": keys.get(CONSENT_SOURCE, ""),
                "source": list_import.consent_source or list_import.file_name,
                "source_length": SOURCE_LENGTH,
                "everybody": bool(list_import.consent_source),
                "proof": evidence[:EVIDENCE_LENGTH],
                "at": at,
                "yes": [written for written, agreed in meant.items() if agreed],
                "no": [written for written, agreed in meant.items() if agreed is False],
            },
        )
        return cursor.rowcount


# What holds now is what the newest row of the history says: each that is written changes both.
_TAKE_BACK_SQL = """
WITH taken AS (
    DELETE FROM contacts_consentchange WHERE list_import_id = %(import)s RETURNING id, organization_id, phone_number
), present AS (
    SELECT known.id, former.* FROM taken
    JOIN contacts_consent AS known
        ON known.organization_id = taken.organization_id AND known.phone_number = taken.phone_number
    LEFT JOIN LATERAL (
        SELECT history.id AS history_id, history.is_given, history.source, history.evidence, history.at
        FROM contacts_consentchange AS history WHERE history.organization_id = taken.organization_id
            AND history.phone_number = taken.phone_number AND history.list_import_id IS DISTINCT FROM %(import)s
        ORDER BY history.id DESC LIMIT 1
    ) AS former ON TRUE
    WHERE former.history_id IS NULL OR former.history_id < taken.id
), restored AS (
    UPDATE contacts_consent AS known SET is_given = present.is_given, source = present.source,
        evidence = present.evidence, at = present.at
    FROM present WHERE known.id = present.id AND present.history_id IS NOT NULL
), removed AS (
    DELETE FROM contacts_consent AS known USING present WHERE known.id = present.id AND present.history_id IS NULL
)
SELECT count(*) FROM present
"""


def take_back_import(list_import: ListImport) -> int:
    """What an import said of consent was never said; what was said before holds again, unless something newer does.
    Returns for how many people that changed something. Call it in the transaction that undoes the import."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE_BACK_SQL, {"import": list_import.pk})
        return cursor.fetchone()[0]


def say(
    *,
    organization: Organization,
    phone_number: str,
    is_given: bool,
    source: str = "",
    evidence: str = "",
    at: datetime | None = None,
    by: Actor = None,
) -> bool:
    """Somebody notes that a person agreed, or took it back, `at` that time or now. False where that was known.
    Raises `InvalidNumber`, and `ValidationError` for a time that is yet to come."""
    number = normalise(phone_number, organization.default_region)
    statement = Statement(number, is_given, source, evidence, checked_time(at) or now())
    with transaction.atomic():
        is_news = write(organization_id=organization.pk, said=[statement]) > 0
        if is_news:
            _tell(organization, [statement], by)
            action = "contacts.consent_given" if is_given else "contacts.consent_withdrawn"
            record(
                organization=organization, by=by, action=action, target=masked(number), source=source[:SOURCE_LENGTH]
            )
    return is_news


def note_opt_outs(written: Sequence[OptOutEvent]) -> None:
    """Who asked not to be messaged took back whatever they had agreed to; who returns by themself agrees. Follows
    `contacts.opt_outs`, in its transactions."""
    kinds = {OptOutEvent.Kind.OPTED_OUT: False, OptOutEvent.Kind.OPTED_IN: True}
    said: dict[int, list[Statement]] = {}
    for event in written:
        if event.phone_number and event.kind in kinds:
            source = event.source or str(AskedBy(event.asked_by).label)
            statement = Statement(
                event.phone_number, kinds[OptOutEvent.Kind(event.kind)], source, event.text, event.at
            )
            said.setdefault(event.organization_id, []).append(statement)
    for organization_id, statements in said.items():
        write(organization_id=organization_id, said=statements)


def say_many(*, organization: Organization, said: Sequence[Statement], by: Actor = None) -> int:
    """The same for many people at once, with one audit entry. Returns for how many it was news."""
    with transaction.atomic():
        changed = write(organization_id=organization.pk, said=said)
        if changed:
            _tell(organization, said, by)
            record(organization=organization, by=by, action="contacts.consents_written", people=changed)
    return changed


def _tell(organization: Organization, said: Sequence[Statement], by: Actor) -> None:
    """Writes it into the contacts' timelines."""
    for is_given in {each.is_given for each in said}:
        events.record_by_number(
            organization_id=organization.pk,
            phone_numbers=[each.phone_number for each in said if each.is_given is is_given],
            kind=Kind.CONSENT_GIVEN if is_given else Kind.CONSENT_WITHDRAWN,
            by=by,
        )


def checked_time(at: datetime | None) -> datetime | None:
    """The time itself. Raises `ValidationError` where nobody can have said anything yet."""
    if at is not None and at > now() + CLOCKS_DIFFER:
        raise ValidationError({"at": _("This time is yet to come. Say when the person agreed.")})
    return at


def consents(organization: Organization, *, search: str = "", is_given: bool | None = None) -> QuerySet[Consent]:
    """What holds now, newest first; `search` is part of a number."""
    found = Consent.objects.for_organization(organization)
    if is_given is not None:
        found = found.filter(is_given=is_given)
    digits = "".join(sign for sign in search if sign.isdecimal()).removeprefix("0")
    return found.filter(phone_number__contains=digits) if digits else found


def of_number(organization: Organization, phone_number: str) -> Consent | None:
    if not phone_number:
        return None
    return Consent.objects.for_organization(organization).filter(phone_number=phone_number).first()


def history(organization: Organization, phone_number: str) -> QuerySet[ConsentChange]:
    """Everything that the owner of a number said, newest first."""
    return ConsentChange.objects.for_organization(organization).filter(phone_number=phone_number).order_by("-id")


def given_among(organization: Organization, phone_numbers: Iterable[str]) -> dict[str, bool]:
    """What holds for those of the numbers whose owners ever said anything."""
    found = Consent.objects.for_organization(organization).filter(phone_number__in=list(phone_numbers))
    return dict[str, Any](found.values_list("phone_number", "is_given"))
