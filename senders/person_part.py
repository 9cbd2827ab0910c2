"""What senders holds of one person: that WhatsApp was asked about the number."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from contacts.person import Erased, Part, Person, Table
from senders.models import NumberCheck


def _checks(person: Person) -> QuerySet[NumberCheck]:
    mine = Q(phone_number__in=person.phone_numbers) | Q(lid__in=person.lids)
    return NumberCheck.objects.filter(mine, organization_id=person.organization_id)


def names(person: Person) -> tuple[set[str], set[str]]:
    lids = _checks(person).exclude(lid="").filter(phone_number__in=person.phone_numbers)
    return set(), set(lids.values_list("lid", flat=True))


def erase(person: Person) -> Erased:
    return Erased(rows=_checks(person).delete()[0])


def tables(person: Person) -> Iterable[Table]:
    rows = (dict[str, Any](row) for row in _checks(person).order_by("pk").values().iterator(500))
    yield Table("number_checks", _("Questions to WhatsApp"), rows)


PART = Part(name="number_checks", names=names, erase=erase, tables=tables)
