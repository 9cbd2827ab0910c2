"""Erases one person completely: what the database holds in one transaction, and then the files in the storage.

An erasure is a row that is worked on until nothing is left. First everything under way to the person is ended; what
cannot be ended, such as a message that is leaving at this moment, is waited for, and until then nothing is removed.
Files follow once the database is committed, again and again until the storage took it. Only when a last look finds
neither rows nor files is it done, and then the erasure forgets as well who it was about.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from django.core.files.storage import default_storage
from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.models import Organization
from accounts.services import Actor, record
from contacts import events, unreachable
from contacts.models import BlocklistEntry, Contact, Erasure
from contacts.person import Person, Release, parts, whole
from contacts.phone_numbers import normalise

LAST_LOOK_AFTER = timedelta(seconds=10)  # whoever was writing about the person at that moment has committed by then

Status = Erasure.Status
logger = logging.getLogger(__name__)


def person_of(*, organization: Organization, phone_number: str = "", contact: Contact | None = None) -> Person:
    """The person with a number, however it is written, or of a contact. Raises `InvalidNumber`."""
    numbers = [normalise(phone_number, organization.default_region)] if phone_number else []
    ids = [contact.pk] if contact is not None else []
    return whole(Person(organization.pk, contact_ids=frozenset(ids), phone_numbers=frozenset(numbers)))


def ask_for(
    *,
    organization: Organization,
    phone_number: str = "",
    contact: Contact | None = None,
    stays_unreachable: bool = True,
    by: Actor = None,
) -> Erasure:
    """Begins the erasure of a person, given as a number or a contact; a task does it. Raises `InvalidNumber`.

    Whoever is on the blocklist stays unreachable in any case.
    """
    person = person_of(organization=organization, phone_number=phone_number, contact=contact)
    with transaction.atomic():
        erasure = Erasure(organization=organization, stays_unreachable=stays_unreachable, asked_by=events.name_of(by))
        _note_whom(erasure, person)
        erasure.save()
        record(organization=organization, by=by, action="contacts.erasure_asked_for", target=str(erasure))
    return erasure


def run(*, erasure_id: int) -> Erasure | None:
    """Takes an erasure as far as it goes now; None where somebody else is at it. Safe to repeat."""
    with transaction.atomic():
        erasure = Erasure.objects.select_for_update(skip_locked=True).filter(pk=erasure_id).first()
        if erasure is None or erasure.status == Status.DONE:
            return erasure
        _look_and_remove(erasure)
    if erasure.status == Status.WAITING:
        return erasure
    erasure.files, erasure.waits_for = _remove_files(_whom(erasure), erasure.files)
    if not erasure.files and erasure.removed_at is not None and now() - erasure.removed_at >= LAST_LOOK_AFTER:
        return _finish(erasure_id)
    erasure.waits_for = erasure.waits_for or _("A last look follows in a moment.")
    erasure.save(update_fields=["files", "waits_for"])
    return erasure


def unfinished() -> list[int]:
    return list(Erasure.objects.exclude(status=Status.DONE).order_by("pk").values_list("pk", flat=True))


def _look_and_remove(erasure: Erasure) -> None:
    """One transaction's work: stops what is under way and, where nothing is any more, removes all that is found."""
    person = whole(_whom(erasure))
    _note_whom(erasure, person)
    _keep_unreachable(erasure, person)
    waits_for = [reason for part in parts() if (reason := part.stop(person))]
    erasure.tried_at = now()
    if waits_for:
        erasure.waits_for = " ".join(waits_for)[:300]
        erasure.status = Status.WAITING
        erasure.save()
        return
    removed, rows = Counter[str](erasure.removed), 0
    files = list(erasure.files)
    for part in parts():
        erased = part.erase(person)
        removed[part.name] += erased.rows
        removed["files"] += len(erased.files)
        files += erased.files
        rows += erased.rows
    erasure.status, erasure.waits_for = Status.REMOVING, ""
    erasure.removed, erasure.files = {name: number for name, number in removed.items() if number}, files
    if rows or erasure.removed_at is None:
        erasure.removed_at = now()
    erasure.save()


def _keep_unreachable(erasure: Erasure, person: Person) -> None:
    """Remembers numbers and LIDs as hashes before the blocklist forgets them."""
    blocked = BlocklistEntry.objects.filter(organization_id=person.organization_id)
    entries = list(blocked.filter(phone_number__in=person.phone_numbers)) + list(blocked.filter(lid__in=person.lids))
    reasons = {entry.reason for entry in entries}
    if not (erasure.stays_unreachable or reasons):
        return
    unreachable.remember(
        organization_id=person.organization_id,
        numbers=person.phone_numbers,
        lids=person.lids,
        reason="blocked" if reasons == {"blocked"} else "opted_out",
    )


def _remove_files(person: Person, names: Sequence[str]) -> tuple[list[str], str]:
    """Removes files from the storage; gives those that are still there, and why. One that is gone already is no error."""
    released = dict.fromkeys(names, Release.REMOVE)
    with transaction.atomic():
        for part in parts():
            released |= part.release(person, names)
    left = [name for name, release in released.items() if release is Release.LATER]
    waits_for = _("A file that came in within the last hour goes when that is over.") if left else ""
    for name in (name for name, release in released.items() if release is Release.REMOVE):
        try:
            default_storage.delete(name)
        except Exception:  # whatever a storage raises; the next run tries again
            logger.exception("a file of an erased person could not be removed")
            left.append(name)
            waits_for = _("The storage cannot be reached.")
    return left, waits_for


def _finish(erasure_id: int) -> Erasure:
    """The erasure forgets whom it was about."""
    with transaction.atomic():
        erasure = Erasure.objects.select_for_update().get(pk=erasure_id)
        erasure.contact_ids, erasure.phone_numbers, erasure.lids, erasure.names, erasure.files = [], [], [], [], []
        erasure.status, erasure.waits_for, erasure.finished_at = Status.DONE, "", now()
        erasure.save()
        record(organization=erasure.organization, by=None, action="contacts.erased", target=str(erasure))
    return erasure


def _whom(erasure: Erasure) -> Person:
    return Person(
        erasure.organization_id,
        contact_ids=frozenset(erasure.contact_ids),
        phone_numbers=frozenset(erasure.phone_numbers),
        lids=frozenset(erasure.lids),
        names=frozenset(erasure.names),
    )


def _note_whom(erasure: Erasure, person: Person) -> None:
    erasure.contact_ids = sorted(person.contact_ids)
    erasure.phone_numbers, erasure.lids = sorted(person.phone_numbers), sorted(person.lids)
    erasure.names = sorted(person.names)
