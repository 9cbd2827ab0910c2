"""Tags: short words that people put on contacts, to find and to choose them by."""

import unicodedata
from collections.abc import Collection, Iterable

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.expressions import RawSQL
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.models import Organization
from accounts.services import Actor, record
from contacts import events
from contacts.models import Contact, ContactEvent

LONGEST = 50  # signs of a tag
MOST = 100  # tags of one contact

Kind = ContactEvent.Kind


def tag_name(written: str) -> str:
    """A tag as it is stored: lower case, single spaces, no invisible signs. Empty where nothing is left."""
    folded = unicodedata.normalize("NFKC", written).casefold()
    visible = "".join(" " if sign.isspace() else sign for sign in folded if sign.isspace() or sign.isprintable())
    return " ".join(visible.split())


def tag_names(written: Iterable[str]) -> list[str]:
    """Tags as a contact holds them: each once, sorted, empty ones left out.

    Raises `ValidationError` with texts for people where one is too long, holds a comma, or there are too many.
    """
    names = sorted({name for each in written if (name := tag_name(each))})
    for name in names:
        if len(name) > LONGEST:
            raise ValidationError(
                _("The tag “%(tag)s…” is too long: a tag may have %(most)s signs.")
                % {"tag": name[:20], "most": LONGEST}
            )
        if "," in name:
            raise ValidationError(
                _("The tag “%(tag)s” holds a comma. Write it as two tags, or without the comma.") % {"tag": name}
            )
    if len(names) > MOST:
        raise ValidationError(_("A contact may have %(most)s tags.") % {"most": MOST})
    return names


def split(written: str) -> list[str]:
    """Tags that stand in one cell or field: separated by commas, semicolons or line breaks. Raises as `tag_names`."""
    return tag_names(part for line in written.splitlines() for half in line.split(";") for part in half.split(","))


def add_tags(
    *, organization: Organization, contact_ids: Collection[int], tags: Iterable[str], by: Actor = None
) -> int:
    """Puts the tags on those contacts of the organization; gives how many were changed.

    Raises `ValidationError` as `tag_names`, and where a contact would have too many; then nobody is changed.
    """
    names = tag_names(tags)
    if not names or not contact_ids:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE contacts_contact AS contact SET updated_at = now(), tags = united.tags
            FROM (
                SELECT id, ARRAY(
                    SELECT DISTINCT tag COLLATE "C" AS tag FROM unnest(tags || %(tags)s::varchar[]) AS tag ORDER BY tag
                ) AS tags
                FROM contacts_contact
                WHERE organization_id = %(organization)s AND id = ANY(%(ids)s) AND NOT tags @> %(tags)s::varchar[]
                ORDER BY id FOR UPDATE
            ) AS united
            WHERE contact.id = united.id RETURNING contact.id, cardinality(contact.tags)
            """,
            {"tags": names, "organization": organization.pk, "ids": list(contact_ids)},
        )
        sizes = dict(cursor.fetchall())
        if sizes and max(sizes.values()) > MOST:
            raise ValidationError(_("A contact may have %(most)s tags.") % {"most": MOST})
        if sizes:
            events.record(organization_id=organization.pk, contact_ids=sizes, kind=Kind.TAGS_ADDED, by=by, tags=names)
            _record(organization, by, "contacts.tagged", names, people=len(sizes))
    return len(sizes)


def remove_tags(
    *, organization: Organization, contact_ids: Collection[int], tags: Iterable[str], by: Actor = None
) -> int:
    """Takes the tags off those contacts of the organization; gives how many were changed."""
    names = tag_names(tags)
    with transaction.atomic():
        chosen = Contact.objects.for_organization(organization).filter(pk__in=list(contact_ids), tags__overlap=names)
        ids = list(chosen.order_by("pk").select_for_update().values_list("pk", flat=True)) if names else []
        changed = _take_off(Contact.objects.filter(pk__in=ids), names)
        if changed:
            events.record(organization_id=organization.pk, contact_ids=ids, kind=Kind.TAGS_REMOVED, by=by, tags=names)
            _record(organization, by, "contacts.untagged", names, people=changed)
    return changed


def rename_tag(*, organization: Organization, tag: str, to: str, by: Actor = None) -> int:
    """Gives a tag another name on everybody who has it; where that name is a tag already, the two become one.

    Gives how many contacts were changed. Raises `ValidationError`.
    """
    names = tag_names([to])
    if not names:
        raise ValidationError(_("Write the tag's new name."))
    old, new = tag_name(tag), names[0]
    if old == new:
        return 0
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE contacts_contact SET updated_at = now(), tags = ARRAY(
                SELECT DISTINCT tag COLLATE "C" AS tag FROM unnest(array_replace(tags, %(old)s, %(new)s)) AS tag
                ORDER BY tag
            )
            WHERE organization_id = %(organization)s AND tags @> ARRAY[%(old)s]::varchar[]
            """,
            {"old": old, "new": new, "organization": organization.pk},
        )
        changed = cursor.rowcount
        if changed:
            _record(organization, by, "contacts.tag_renamed", [old], to=new, people=changed)
    return changed


def delete_tag(*, organization: Organization, tag: str, by: Actor = None) -> int:
    """Takes a tag off everybody; gives how many had it."""
    name = tag_name(tag)
    with transaction.atomic():
        changed = _take_off(Contact.objects.for_organization(organization), [name])
        if changed:
            _record(organization, by, "contacts.tag_deleted", [name], people=changed)
    return changed


def known_tags(organization: Organization) -> list[tuple[str, int]]:
    """Every tag of the organization with how many contacts have it, by name."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tag, count(*) FROM contacts_contact, unnest(tags) AS tag WHERE organization_id = %s"
            " GROUP BY tag ORDER BY tag",
            [organization.pk],
        )
        return list(cursor.fetchall())


def _take_off(chosen: QuerySet[Contact], names: list[str]) -> int:
    left = RawSQL(
        "ARRAY(SELECT tag FROM unnest(contacts_contact.tags) WITH ORDINALITY AS each (tag, place)"
        " WHERE tag <> ALL(%s::varchar[]) ORDER BY place)",
        [names],
    )
    return chosen.filter(tags__overlap=names).update(tags=left, updated_at=now()) if names else 0


def _record(organization: Organization, by: Actor, action: str, tags: list[str], **details: object) -> None:
    record(organization=organization, by=by, action=action, target=", ".join(tags)[:200], **details)
