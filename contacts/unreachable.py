"""Erased people who must not be messaged, should their number come back in a list: known by a keyed hash only.

The hash is HMAC-SHA-256 under a key that is derived from SECRET_KEY and never reaches the database, so that neither
the database nor its logs allow anybody to try out all numbers. When a number comes back and is recognised, it goes onto
the blocklist again as it was, and the hash goes: from then on the blocklist does the rest, at planning and at the lease.

Asked by whoever brings numbers in (imports) and by the planner, which every message passes. An organization without
erased people pays one look at an index for it. Keys that were replaced stay readable in SECRET_KEY_FALLBACKS.
"""

import hmac
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from django.conf import settings
from django.db import transaction

from contacts.models import BlocklistEntry, ErasedNumber

PURPOSE = b"erased numbers"
AT_ONCE = 10_000

Name = tuple[str, str]  # a number in E.164 and a LID; one of the two may be empty


def has_any(organization_id: int) -> bool:
    """Whether the organization has erased people whom nobody may message."""
    return ErasedNumber.objects.filter(organization_id=organization_id).exists()


def remember(*, organization_id: int, numbers: Iterable[str], lids: Iterable[str], reason: str) -> None:
    """Keeps the numbers and LIDs from being messaged, without writing them down."""
    whom = [*(("", number) for number in numbers if number), *(("lid:", lid) for lid in lids if lid)]
    ErasedNumber.objects.bulk_create(
        [
            ErasedNumber(organization_id=organization_id, fingerprint=_fingerprint(key, prefix + name), reason=reason)
            for key in _keys(organization_id)[:1]
            for prefix, name in whom
        ],
        update_conflicts=True,
        unique_fields=["organization", "fingerprint"],
        update_fields=["reason"],
    )


def recognise(*, organization_id: int, people: Iterable[Name]) -> dict[Name, str]:
    """Those of the people who were erased and must not be messaged, with the reason. They are on the blocklist
    afterwards. Many people are looked up in portions."""
    if not has_any(organization_id):
        return {}
    keys = _keys(organization_id)
    found: dict[Name, str] = {}
    for portion in _portions(people):
        found |= _recognise(organization_id, keys, portion)
    return found


def _recognise(organization_id: int, keys: list[bytes], people: Sequence[Name]) -> dict[Name, str]:
    marks: dict[str, Name] = {}
    for number, lid in people:
        for written in (number, f"lid:{lid}" if lid else ""):
            if written:
                marks |= {_fingerprint(key, written): (number, lid) for key in keys}
    with transaction.atomic():
        known = ErasedNumber.objects.filter(organization_id=organization_id, fingerprint__in=list(marks))
        rows = list(known.values_list("pk", "fingerprint", "reason"))
        if not rows:
            return {}
        found = {marks[fingerprint]: reason for _pk, fingerprint, reason in rows}
        BlocklistEntry.objects.bulk_create(
            [
                BlocklistEntry(
                    organization_id=organization_id, phone_number=number or None, lid=lid, reason=reason, source=SOURCE
                )
                for (number, lid), reason in sorted(found.items())
            ],
            ignore_conflicts=True,
        )
        ErasedNumber.objects.filter(pk__in=[pk for pk, _, _ in rows]).delete()
    return found


SOURCE = "Was erased, and came back"


def _fingerprint(key: bytes, written: str) -> str:
    return hmac.digest(key, written.encode(), "sha256").hex()


def _keys(organization_id: int) -> list[bytes]:
    """The organization's own keys, the present one first: numbers of two organizations cannot be compared."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [
        hmac.digest(hmac.digest(str(secret).encode(), PURPOSE, "sha256"), str(organization_id).encode(), "sha256")
        for secret in secrets
    ]


def _portions(people: Iterable[Name]) -> Iterator[list[Name]]:
    rest = iter(people)
    while portion := list(islice(rest, AT_ONCE)):
        yield portion
