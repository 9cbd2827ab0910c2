"""What contacts holds of one person: contact, lists, consent, blocklist, uploaded rows, and what was noted of them."""

from collections.abc import Iterable
from typing import Any

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.models import AuditEntry
from contacts.models import (
    BlocklistEntry,
    Consent,
    ConsentChange,
    Contact,
    ContactEvent,
    ContactListMember,
    ContactMerge,
    ImportChange,
    ImportedRow,
    ListImport,
    OptOutEvent,
    OtherNumber,
)
from contacts.person import Erased, Part, Person, Table
from contacts.scrubbing import Scrubber, scrub

Status = ListImport.Status
SHORTEST_DIGITS = 7  # of what is looked for in cells as people wrote them


def stop(person: Person) -> str:
    """A file that is being read, or used, could bring the person back."""
    active = Q(status__in=[Status.READING, Status.IMPORTING]) | Q(undo_asked_at__isnull=False, undone_at=None)
    busy = ListImport.objects.filter(active, organization_id=person.organization_id).first()
    return _("The import of “%(name)s” must end first.") % {"name": busy.file_name} if busy is not None else ""


def erase(person: Person) -> Erased:
    erased = Erased()
    _erase_uploads(person, erased)
    contacts = Contact.objects.filter(organization_id=person.organization_id, pk__in=person.contact_ids)
    for rows in (
        _merges_of(person),
        _blocked(person),
        _consents(Consent, person),
        _consents(ConsentChange, person),
        contacts,
    ):
        erased.rows += rows.delete()[0]
    erased.rows += _forget_opt_outs(person)
    erased.rows += _erase_mentions(person)
    return erased


def _erase_uploads(person: Person, erased: Erased) -> None:
    """The rows of uploaded sheets, and the files of those that are read. A sheet that waits with the person in it, to be
    imported, cannot be used any more: nobody can take one row out of its file."""
    rows = _rows_of(person)
    with_person = set(rows.values_list("list_import_id", flat=True))
    imports = ListImport.objects.filter(organization_id=person.organization_id)
    waiting = imports.filter(status=Status.READY, for_contacts=True)
    spoilt = set(waiting.filter(pk__in=with_person).values_list("pk", flat=True))
    used = imports.exclude(file="").exclude(status__in=[Status.READING, Status.IMPORTING])
    for pk, name in used.exclude(pk__in=waiting.exclude(pk__in=spoilt).values("pk")).values_list("pk", "file"):
        erased.files.append(name)
        erased.rows += imports.filter(pk=pk).update(file="", sample={})
    erased.rows += imports.filter(pk__in=spoilt).update(
        status=Status.CANCELLED,
        finished_at=now(),
        error=_("Somebody in this file was erased. Upload it again without them."),
    )
    erased.rows += imports.filter(pk__in=with_person).exclude(sample={}).update(sample={})
    erased.rows += ImportedRow.objects.filter(list_import__in=spoilt).delete()[0] + rows.delete()[0]


def _rows_of(person: Person) -> QuerySet[ImportedRow]:
    """Rows with the number, also where it was only written in a way that could not be read, or in another column."""
    pattern = "|".join(digits for digits in person.digits if len(digits) >= SHORTEST_DIGITS)
    of_organization = ImportedRow.objects.filter(list_import__organization_id=person.organization_id)
    if not pattern:
        return of_organization.none()
    written = Q(values__regex=pattern) | Q(cells__regex=pattern) | Q(phone_as_written__regex=pattern)
    return of_organization.filter(Q(phone_number__in=person.phone_numbers) | written)


def _merges_of(person: Person) -> QuerySet[ContactMerge]:
    """Undoing one of these would bring the person back."""
    pattern = "|".join(rf'"{digits}"|"\+{digits}"' for digits in person.digits) or "(?!)"
    mine = Q(kept__in=person.contact_ids) | Q(other_id__in=person.contact_ids) | Q(before__regex=pattern)
    return ContactMerge.objects.filter(mine, organization_id=person.organization_id)


def _blocked(person: Person) -> QuerySet[BlocklistEntry]:
    mine = Q(phone_number__in=person.phone_numbers) | Q(lid__in=person.lids)
    return BlocklistEntry.objects.filter(mine, organization_id=person.organization_id)


def _consents(model: type[Consent] | type[ConsentChange], person: Person) -> QuerySet[Any]:
    return model.objects.filter(organization_id=person.organization_id, phone_number__in=person.phone_numbers)


def _forget_opt_outs(person: Person) -> int:
    """That somebody left after a campaign stays true; who it was, and what they wrote, goes."""
    mine = Q(phone_number__in=person.phone_numbers) | Q(lid__in=person.lids)
    events = OptOutEvent.objects.filter(mine, organization_id=person.organization_id)
    return events.update(phone_number="", lid="", text="", source="", whatsapp_id="")


def _erase_mentions(person: Person) -> int:
    """Where the number or LID stands in what belongs to others, and where people of the team left it in a log."""
    scrubber, of_team = Scrubber(person), Scrubber(person, with_names=True)
    return (
        scrub(Contact, ["attributes"], scrubber)
        + scrub(ContactEvent, ["detail", "source"], of_team, of="contact_id IN (SELECT id FROM contacts_contact {})")
        + scrub(
            ImportChange, ["before", "after"], scrubber, of="list_import_id IN (SELECT id FROM contacts_listimport {})"
        )
        + scrub(AuditEntry, ["target", "detail"], of_team)
        + _erase_names_in_the_log(person, of_team)
        + _erase_from_the_admin(person)
    )


def _erase_names_in_the_log(person: Person, scrubber: Scrubber) -> int:
    """What was done with contacts may name them."""
    entries = AuditEntry.objects.filter(
        organization_id=person.organization_id, action__startswith="contacts.", target__in=person.names
    )
    for entry in list(entries):
        AuditEntry.objects.filter(pk=entry.pk).update(target="", detail=scrubber.value(entry.detail))
    return len(entries)


def _erase_from_the_admin(person: Person) -> int:
    """Django's own log of the admin calls rows by their names."""
    contact = ContentType.objects.get_for_model(Contact)
    pattern = "|".join(person.digits) or "(?!)"
    about = Q(content_type=contact, object_id__in=[str(pk) for pk in person.contact_ids])
    mentioned = Q(object_repr__regex=pattern) | Q(change_message__regex=pattern)
    return (
        LogEntry.objects.filter(about | mentioned)
        .exclude(object_repr="", change_message="")
        .update(object_repr="", change_message="")
    )


# -- The export --


def tables(person: Person) -> Iterable[Table]:
    contacts = Contact.objects.filter(organization_id=person.organization_id, pk__in=person.contact_ids)
    ids = list(contacts.values_list("pk", flat=True))
    yield Table("contacts", _("Contact"), _dictionaries(contacts))
    yield Table("other_numbers", _("Other numbers"), _dictionaries(OtherNumber.objects.filter(contact_id__in=ids)))
    lists = ContactListMember.objects.filter(contact_id__in=ids)
    yield Table("lists", _("Lists"), ({"list": row} for row in lists.values_list("contact_list__name", flat=True)))
    yield Table("consent", _("Consent"), _dictionaries(_consents(Consent, person)))
    yield Table("consent_history", _("History of consent"), _dictionaries(_consents(ConsentChange, person)))
    yield Table("blocklist", _("Blocklist"), _dictionaries(_blocked(person)))
    mine = Q(phone_number__in=person.phone_numbers) | Q(lid__in=person.lids)
    opt_outs = OptOutEvent.objects.filter(mine, organization_id=person.organization_id)
    yield Table("opt_outs", _("Opt-outs and returns"), _dictionaries(opt_outs))
    yield Table("events", _("What happened"), _dictionaries(ContactEvent.objects.filter(contact_id__in=ids)))
    changes = ImportChange.objects.filter(contact_id__in=ids)
    yield Table("import_changes", _("Changes by imports"), _dictionaries(changes))
    rows = ImportedRow.objects.filter(
        list_import__organization_id=person.organization_id, phone_number__in=person.phone_numbers
    )
    yield Table("imported_rows", _("Rows of uploaded files"), _dictionaries(rows))


def _dictionaries(rows: QuerySet[Any]) -> Iterable[dict[str, Any]]:
    return rows.order_by("pk").values().iterator(500)


PART = Part(name="contacts", erase=erase, stop=stop, tables=tables)
