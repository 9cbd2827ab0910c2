"""Reads that pages, API and campaigns share."""

import re
from collections.abc import Iterable

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.db.models.expressions import RawSQL
from django.db.models.functions import Coalesce
from django.utils.timezone import now

from accounts.models import Organization
from contacts import columns as column_rules
from contacts.columns import NAME, PHONE
from contacts.models import (
    AttributeDefinition,
    BlocklistEntry,
    Contact,
    ContactList,
    ContactListMember,
    ContactSettings,
    ImportedRow,
    ListImport,
    Segment,
)
from contacts.search import matching
from contacts.segments.compiled import Query
from contacts.segments.services import query_of
from contacts.tags import tag_name

CONTACTS_LOOKED_AT = 1000  # of a list, to learn which attributes it has


def contacts(
    organization: Organization,
    *,
    search: str = "",
    contact_list: ContactList | None = None,
    tag: str = "",
    segment: Segment | None = None,
) -> QuerySet[Contact]:
    """People by name or number (`contacts.search`), of a list, with a tag, in a segment, where these are given; newest
    first. Raises `contacts.segments.trees.InvalidFilter` for a segment that makes no sense any more."""
    found = Contact.objects.for_organization(organization)
    if contact_list is not None:
        found = found.filter(lists=contact_list)
    if tag:
        found = found.filter(tags__contains=[tag_name(tag)])
    if segment is not None:
        found = found.filter(pk__in=_in_place(query_of(segment, at=now())))
    return matching(found, search, organization.default_region)


def _in_place(query: Query) -> RawSQL:
    """A statement with named parameters as one with places, which Django puts into its own."""
    names: list[str] = []

    def place(match: re.Match[str]) -> str:
        names.append(match[1])
        return "%s"

    statement = re.sub(r"%\((\w+)\)s", place, query.sql)
    return RawSQL(statement, [query.parameters[name] for name in names])  # noqa: S611  # values travel as parameters


def lists_with_sizes(organization: Organization) -> QuerySet[ContactList]:
    """With `size`, counted from an index alone."""
    members = ContactListMember.objects.filter(contact_list=OuterRef("pk")).order_by()
    sizes = members.values("contact_list").annotate(number=Count("*")).values("number")
    return ContactList.objects.for_organization(organization).annotate(size=Coalesce(Subquery(sizes), 0))


def settings_of(organization: Organization | int) -> ContactSettings:
    """What the organization decided about its people; where it never did, an unsaved row with the defaults."""
    found = ContactSettings.objects.for_organization(organization).first()
    if found is not None:
        return found
    if isinstance(organization, int):
        return ContactSettings(organization_id=organization)
    return ContactSettings(organization=organization)


def blocklist(organization: Organization, *, search: str = "", reason: str = "") -> QuerySet[BlocklistEntry]:
    """Newest first; by part of a number or LID, or else by words of the source or of what the person wrote."""
    found = BlocklistEntry.objects.for_organization(organization)
    if reason:
        found = found.filter(reason=reason)
    digits = "".join(sign for sign in search if sign.isdecimal())
    if digits and not any(sign.isalpha() for sign in search):
        part = digits.removeprefix("0")
        return found.filter(Q(phone_number__contains=part) | Q(lid__contains=part))
    if search:
        return found.filter(Q(source__icontains=search) | Q(evidence_text__icontains=search))
    return found


def blocked_among(organization: Organization, phone_numbers: Iterable[str]) -> dict[str, str]:
    """Which of these numbers are on the blocklist, and for what reason."""
    entries = BlocklistEntry.objects.for_organization(organization).filter(phone_number__in=list(phone_numbers))
    return {entry.phone_number or "": entry.reason for entry in entries.only("phone_number", "reason")}


def imports_of(organization: Organization) -> QuerySet[ListImport]:
    """Imports into contacts; those that belong to a campaign are its own business."""
    return ListImport.objects.for_organization(organization).filter(for_contacts=True).select_related("contact_list")


def rejected_rows(list_import: ListImport) -> QuerySet[ImportedRow]:
    """The rows without a usable number, in the sheet's order."""
    return ImportedRow.objects.filter(list_import=list_import).exclude(problem="").order_by("row_number")


def variables_of_contacts(organization: Organization) -> list[str]:
    """The variables that texts to contacts may use, whoever they are: name, phone, and every attribute."""
    keys = AttributeDefinition.objects.for_organization(organization).values_list("key", flat=True)
    return list(dict.fromkeys([NAME, PHONE, *keys]))


def variables_of_list(contact_list: ContactList, wanted: Iterable[str] = ()) -> list[str]:
    """The variables that texts to a list may use: name, phone, and the attributes its contacts have.

    The attributes of the newest contacts are listed; any other of the `wanted` ones is looked for among all.
    """
    known = dict.fromkeys([NAME, PHONE])
    for columns in ListImport.objects.filter(contact_list=contact_list).values_list("columns", flat=True)[:20]:
        known.update(dict.fromkeys(c.key for c in column_rules.from_json(columns) if not c.role))
    newest = Contact.objects.filter(lists=contact_list).values_list("attributes", flat=True)[:CONTACTS_LOOKED_AT]
    for attributes in newest:
        known.update(dict.fromkeys(attributes))
    for key in wanted:
        if key not in known and Contact.objects.filter(lists=contact_list, attributes__has_key=key).exists():
            known[key] = None
    return list(known)
