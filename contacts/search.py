"""Finds people by what somebody types: the beginning of any word of a name, or a number as people write it.

Each way has an index, so that a million people answer within a tenth of a second. The ways are tried in their order, and
the first that finds anybody has the word; only where none does, everybody's name or number is read.
"""

from collections.abc import Iterator
from unicodedata import category

from django.contrib.postgres.search import SearchQuery, SearchVector
from django.db.models import Q, QuerySet
from django.db.models.functions import Reverse
from phonenumbers import country_code_for_region

from contacts.models import Contact, OtherNumber
from contacts.phone_numbers import find_mobile

SHORT = 6  # digits: fewer are rather the end of a number, which people remember, than its beginning


def matching(contacts: QuerySet[Contact], text: str, region: str) -> QuerySet[Contact]:
    """Those of `contacts` that `text` is about; all of them where it is blank."""
    text = " ".join(text.replace("\x00", "").split())
    if not text:
        return contacts
    for found in _ways(contacts, text, region):
        if found.exists():
            return found
    if text[0] in "0+" and not any(sign.isalpha() for sign in text):
        return contacts.none()  # the beginning of a number, which nobody's has
    return contacts.filter(_anywhere(text))


def _ways(contacts: QuerySet[Contact], text: str, region: str) -> Iterator[QuerySet[Contact]]:
    if number := find_mobile(text, region):
        others = OtherNumber.objects.filter(phone_number=number).exclude(phone_number="").values("contact")
        yield contacts.filter(phone_number=number).exclude(phone_number="")
        yield contacts.filter(pk__in=others)
    if any(sign.isalpha() for sign in text):
        yield _by_words(contacts, text)
        return
    digits = "".join(sign for sign in text if sign.isdecimal())
    if not digits:
        return
    beginnings = [_beginning_with(contacts, begins) for begins in _written_in_full(text, digits, region)]
    ending = _ending_with(contacts, digits)
    is_short = len(digits) < SHORT and text[0] not in "0+"
    yield from [ending, *beginnings] if is_short else [*beginnings, ending]
    parts = OtherNumber.objects.filter(phone_number__contains=digits.removeprefix("0") or digits)
    yield contacts.filter(pk__in=parts.values("contact"))  # few have another number
    yield _by_words(contacts, text)


def _by_words(contacts: QuerySet[Contact], text: str) -> QuerySet[Contact]:
    """Every word typed begins a word of the name."""
    words = "".join(sign if sign.isalnum() or category(sign)[0] == "M" else " " for sign in text).split()
    if not words:
        return contacts.none()
    query = SearchQuery(" & ".join(f"'{word}':*" for word in words), config="simple", search_type="raw")
    return contacts.alias(words_of_name=SearchVector("name", config="simple")).filter(words_of_name=query)


def _written_in_full(text: str, digits: str, region: str) -> list[str]:
    """What numbers in E.164 begin with that people write so."""
    national = f"+{country_code_for_region(region)}{digits.removeprefix('0')}"
    if text.startswith("+"):
        return [f"+{digits}"]
    if digits.startswith("00"):
        return [f"+{digits[2:]}"]
    return [national] if digits.startswith("0") else [f"+{digits}", national]


def _beginning_with(contacts: QuerySet[Contact], begins: str) -> QuerySet[Contact]:
    """As a range, which any index of numbers serves, whatever the database's collation."""
    found = contacts.filter(phone_number__gte=begins).exclude(phone_number="")
    return found.filter(phone_number__lt=after) if (after := _next(begins)) else found


def _ending_with(contacts: QuerySet[Contact], digits: str) -> QuerySet[Contact]:
    begins = digits[::-1]
    found = contacts.alias(backwards=Reverse("phone_number")).filter(backwards__gte=begins)
    return found.filter(backwards__lt=after) if (after := _next(begins)) else found


def _next(digits: str) -> str:
    """The first text behind everything that begins with these digits: +6281 gives +6282. Empty where none does."""
    shortened = digits.rstrip("9")
    if not shortened[-1:].isdecimal():
        return ""
    return f"{shortened[:-1]}{int(shortened[-1]) + 1}"


def _anywhere(text: str) -> Q:
    found = Q(name__icontains=text)
    digits = "".join(sign for sign in text if sign.isdecimal())
    if digits and not any(sign.isalpha() for sign in text):
        found |= Q(phone_number__contains=digits.removeprefix("0") or digits)
    return found
