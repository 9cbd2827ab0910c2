"""What broadcasts hold of one person: their places on broadcast lists, and reminders to them."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from broadcasts import members
from broadcasts.models import BroadcastMember, Reminder
from contacts.person import Erased, Part, Person, Table
from contacts.scrubbing import Scrubber, scrub


def _places(person: Person) -> QuerySet[BroadcastMember]:
    return BroadcastMember.objects.filter(
        broadcast_list__organization_id=person.organization_id, phone_number__in=person.phone_numbers
    )


def _reminders(person: Person) -> QuerySet[Reminder]:
    return Reminder.objects.filter(organization_id=person.organization_id, phone_number__in=person.phone_numbers)


def stop(person: Person) -> str:
    _reminders(person).update(state=Reminder.State.ENDED, next_at=None)
    return ""


def erase(person: Person) -> Erased:
    rows = _reminders(person).delete()[0] + members.remove_everywhere(_places(person))
    return Erased(rows=rows + scrub(Reminder, ["text", "name"], Scrubber(person)))


def tables(person: Person) -> Iterable[Table]:
    lists = _places(person).order_by("pk").values("broadcast_list__name", "added_at")
    rows = (dict[str, Any](row) for row in lists.iterator(500))
    yield Table("broadcast_lists", _("Broadcast lists"), rows)
    fields = ("name", "text", "file__name", "repeat", "timezone", "time", "next_at", "created_at")
    yield Table("reminders", _("Reminders"), _reminders(person).order_by("pk").values(*fields).iterator(500))


PART = Part(name="broadcasts", stop=stop, erase=erase, tables=tables)
