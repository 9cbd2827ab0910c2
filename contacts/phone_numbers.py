"""Mobile numbers as people write them, turned into E.164 (`+6281234567890`).

`phonenumbers` (Google's libphonenumber) decides. Its general entry points take about 50 µs a number, so numbers in
the plain and common forms are checked against the library's own patterns, compiled once (`quick_numbers`); everything
else, and every number that these would refuse, goes to the library itself. Numbers that are registered in two ways
come out in one (`phone_variants`).
"""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date, time, timedelta
from typing import Any, Final, NamedTuple

import phonenumbers
from django.utils.translation import gettext as _
from phonenumbers import PhoneNumberFormat, PhoneNumberMatcher, PhoneNumberType

from contacts import phone_variants
from contacts.countries import region_of
from contacts.quick_numbers import read_quickly

LONGEST = 15  # digits of an E.164 number
LONGEST_TEXT = 60  # signs: a number with its labels
LONGEST_CELL = 300  # signs: several numbers with their labels
SHORTEST_WITHOUT_PLUS = 10  # digits: shorter ones are no foreign number that lost its plus
TAKEN_FOR_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
ZEROS_OF_LOST_DIGITS = 6  # Excel shows 6.28123E+12 by default; a sheet saved from that ends in this many or more
DIGITS_OF_LOST_DIGITS = 11  # from 12 digits on Excel shows a number so

# What may be wrong with a number. `contacts.models.ImportedRow.Problem` says it to people.
NO_NUMBER, IMPOSSIBLE, FIXED_LINE = "no_number", "impossible", "fixed_line"
SHORTENED, UNKNOWN_COUNTRY = "shortened", "unknown_country"

_PLAIN = re.compile(r"\+?[0-9]+")
_DIGITS_OF_ANY_SCRIPT = re.compile(r"\+?\d+")
_PUNCTUATION = re.compile(r"[\s.\-()/‐-―−·'’‘`´\"]+")
_ASCII_PUNCTUATION = {ord(sign): None for sign in " .-()/'"}
_LABEL_BEFORE = re.compile(r"^(?:[^\W\d_]|[\s.:/()\[\]\-])+(?=[+\d(])")
_LABEL_BEHIND = re.compile(r"(?:@s\.whatsapp\.net|[\s,;.:(\[/\-]+[^\W\d_]+(?:[\s.]+[^\W\d_]+)*[\s.)\]]*)$")
_DECIMALS_OF_A_WHOLE_NUMBER = re.compile(r"^([0-9]+)\.0+$")
_THOUSANDS = re.compile(r"^\+?[0-9]{1,3}(?:,[0-9]{3})+$")
_EXPONENT = re.compile(r"^\+?([0-9])(?:[.,]([0-9]*))?[eE]\+?([0-9]{1,2})$")
_BETWEEN_NUMBERS = re.compile(r"[\n\r\t;,|/\\&]+|\s+(?:or|and|atau|dan|ou|e|o|u|y)\s+", re.IGNORECASE)
_TRUNK_PREFIX_OF_ARGENTINA = re.compile(r"(?:\+?54)?0")
_OLD_PREFIX_OF_MEXICO = re.compile(r"(?:\+?52)?0(?:1|44|45)([2-9][0-9]{9})")


class InvalidNumber(ValueError):
    """No possible mobile number. The message is for the person who wrote it."""


class Reading(NamedTuple):
    """What a cell was found to say: a number in E.164, or a problem; and further numbers that stood in the cell."""

    number: str
    problem: str = ""
    others: tuple[str, ...] = ()


class _Found(NamedTuple):
    number: str
    is_mobile: bool


_NOTHING_WRITTEN: Final = Reading("", NO_NUMBER)
_IMPOSSIBLE: Final = Reading("", IMPOSSIBLE)
_SHORTENED: Final = Reading("", SHORTENED)


def normalise(written: Any, region: str, *, allow_fixed_line: bool = False) -> str:
    """The number in E.164; raises `InvalidNumber`. See `read_number`."""
    found = read_number(written, region, allow_fixed_line=allow_fixed_line)
    if not found.number:
        raise InvalidNumber(
            _(
                "“%(written)s” is not a possible mobile number. Write it with its country code, such as +62 812 3456 7890."
            )
            % {"written": str(written)[:50]}
        )
    return found.number


def canonical(number: str) -> str:
    """The one form of an E.164 number under which its owner is stored (Brazil, Argentina and Mexico have two)."""
    return phone_variants.canonical(number)


def masked(number: str) -> str:
    """For logs: `+62812•••7890`."""
    return f"{number[:6]}•••{number[-4:]}" if len(number) > 10 else "•••"


def find_mobile(written: Any, region: str) -> str | None:
    """The number in E.164, or None where it is no possible mobile number. See `read_number`."""
    return read_number(written, region).number or None


def read_number(written: Any, region: str, *, country: Any = "", allow_fixed_line: bool = False) -> Reading:
    """Reads a cell of a sheet (text, or a number that Excel made of it), or what somebody typed.

    Numbers without a country code belong to the `country` that stands beside them (its name, ISO code or dialling
    code), else to `region` (two letters); a leading 00 means plus. Digits that are no number of the region but are one
    with a plus before them are read that way: Excel drops the plus. Of several numbers the first usable one counts.

    Land lines and service numbers can be on WhatsApp Business, but in a list of people they are nearly always the
    wrong column: they are the problem `fixed_line` unless `allow_fixed_line`.
    """
    if country not in ("", None) and str(country).strip():
        home = region_of(country)
        if home is None and not _states_its_country(written):
            return (
                Reading("", UNKNOWN_COUNTRY) if read_number(written, region).problem != NO_NUMBER else _NOTHING_WRITTEN
            )
        region = home or region
    if not isinstance(written, str):
        return _of_number(written, region, allow_fixed_line)
    if _PLAIN.fullmatch(written):
        return _reading(_judge(written, region), allow_fixed_line)
    # Most of the rest has punctuation only, which `_of_text` would remove in the same way, and more slowly.
    if len(written) <= LONGEST_TEXT and not _DECIMALS_OF_A_WHOLE_NUMBER.match(written):
        digits = written.translate(_ASCII_PUNCTUATION)
        found = _judge(digits, region) if _PLAIN.fullmatch(digits) else None
        if found is not None and found.is_mobile:
            return Reading(found.number)
    return _of_text(written, region, allow_fixed_line)


def _states_its_country(written: Any) -> bool:
    return isinstance(written, str) and _visible(written[:LONGEST_CELL]).startswith(("+", "00"))


def _reading(found: _Found | None, allow_fixed_line: bool, others: tuple[str, ...] = ()) -> Reading:
    if found is None:
        return _IMPOSSIBLE
    if not found.is_mobile and not allow_fixed_line:
        return Reading("", FIXED_LINE)
    return Reading(found.number, "", others)


def _of_number(written: Any, region: str, allow_fixed_line: bool) -> Reading:
    """A cell that Excel holds as a number, a date or a truth."""
    if written is None:
        return _NOTHING_WRITTEN
    if isinstance(written, bool | date | time | timedelta):
        return _IMPOSSIBLE
    if not 0 < written < 10**LONGEST or written != int(written):  # also false for what is no number (NaN)
        return _IMPOSSIBLE
    digits = str(int(written))
    if len(digits) > DIGITS_OF_LOST_DIGITS and digits.endswith("0" * ZEROS_OF_LOST_DIGITS):
        return _SHORTENED
    return _reading(_judge(digits, region), allow_fixed_line)


def _of_text(written: str, region: str, allow_fixed_line: bool) -> Reading:
    if not written or written.isspace():
        return _NOTHING_WRITTEN
    if len(written) > LONGEST_CELL:
        return _IMPOSSIBLE
    text = _visible(written)
    if match := _EXPONENT.match(text):
        return _of_exponent(match, region, allow_fixed_line)
    digits = _digits_of_text(text)
    found = _judge(digits, region) if digits else None
    if found is not None and found.is_mobile:
        return Reading(found.number)
    if digits is None or len(digits) > LONGEST:
        several = list(dict.fromkeys(_several(text, region)))
        usable = [each.number for each in several if each.is_mobile or allow_fixed_line]
        if usable:
            return Reading(usable[0], "", tuple(usable[1:]))
        found = several[0] if several else found
    if found is None and not any(sign.isdecimal() for sign in text):
        return _NOTHING_WRITTEN
    return _reading(found, allow_fixed_line)


def _of_exponent(match: re.Match[str], region: str, allow_fixed_line: bool) -> Reading:
    """`6.28123E+12`, as Excel saves a wide number to CSV: usable only where it still has every digit."""
    digits, exponent = match[1] + (match[2] or ""), int(match[3])
    kept = digits.rstrip("0") if len(digits) > exponent + 1 else digits
    if len(kept) > exponent + 1 or exponent >= LONGEST or exponent + 1 < SHORTEST_WITHOUT_PLUS - 2:
        return _IMPOSSIBLE
    if len(digits) < exponent + 1:
        return _SHORTENED
    return _reading(_judge(digits[: exponent + 1], region), allow_fixed_line)


def _several(text: str, region: str) -> Iterator[_Found]:
    """The numbers of a cell that is no single number."""
    is_any = False
    for piece in _BETWEEN_NUMBERS.split(text):
        digits = _digits_of_text(piece)
        if digits and (found := _judge(digits, region)):
            is_any = True
            yield found
    if is_any:
        return
    for match in PhoneNumberMatcher(text, region, max_tries=10):
        if not match.number.extension and (found := _of_parsed(match.number, match.raw_string)):
            yield found


def _visible(written: str) -> str:
    """Without signs that nobody sees, and without the quotation marks around it."""
    text = unicodedata.normalize("NFKC", written)
    seen = (sign for sign in text if sign in "\n\r\t" or unicodedata.category(sign) not in ("Cf", "Cc"))
    return "".join(seen).strip().strip("'’‘`´\" ")


def _digits_of_text(text: str) -> str | None:
    """The digits of a number with labels and punctuation, with a plus in front where one was written."""
    if len(text) > LONGEST_TEXT:
        return None
    if match := _DECIMALS_OF_A_WHOLE_NUMBER.match(text):
        text = match[1]
    elif _THOUSANDS.match(text):
        text = text.replace(",", "")
    text = _LABEL_BEHIND.sub("", _LABEL_BEFORE.sub("", text.strip()))
    text = _PUNCTUATION.sub("", text)
    if not _DIGITS_OF_ANY_SCRIPT.fullmatch(text):
        return None
    return "".join(sign if sign == "+" else str(unicodedata.decimal(sign)) for sign in text)


def _judge(digits: str, region: str) -> _Found | None:
    """What number these digits are, with a plus in front or not; None where they are none."""
    if digits.startswith("00"):
        abroad = _read("+" + digits.lstrip("0"), region)
        return abroad if abroad and abroad.is_mobile else _read(digits, region) or abroad
    if digits.startswith("+0"):
        digits = digits[1:]
    found = _read(digits, region)
    if found is None and digits[0] not in "+0" and len(digits) >= SHORTEST_WITHOUT_PLUS:
        found = _read("+" + digits, region)  # it may have lost its plus
    return found


def _read(digits: str, region: str) -> _Found | None:
    quick = read_quickly(digits, region)
    if quick is not None:
        return _Found(phone_variants.canonical(quick), True)
    return _read_by_library(digits, region)


def _read_by_library(digits: str, region: str) -> _Found | None:
    if len(digits) > 2 * LONGEST:
        return None
    if region == "MX" or digits.startswith("+52"):
        digits = _OLD_PREFIX_OF_MEXICO.sub(r"+52\1", digits)
    try:
        return _of_parsed(phonenumbers.parse(digits, region), digits)
    except phonenumbers.NumberParseException:
        return None


def _of_parsed(number: phonenumbers.PhoneNumber, digits: str) -> _Found | None:
    written = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    unified = phone_variants.canonical(written)
    if unified != written:
        number = phonenumbers.parse(unified)
    if not phonenumbers.is_valid_number(number):
        return _with_both_prefixes(digits) if number.country_code == 54 else None
    is_mobile = phonenumbers.number_type(number) in TAKEN_FOR_MOBILE
    if unified != written and number.country_code == 54 and _TRUNK_PREFIX_OF_ARGENTINA.match(digits):
        is_mobile = False  # 011 4321-5678: a mobile number would have its 15
    return _Found(unified, is_mobile)


def _with_both_prefixes(digits: str) -> _Found | None:
    """+54 9 11 15 2345 6789: Argentina's mobile prefix for calls from abroad, and the one for calls within."""
    for area in (2, 3, 4):
        match = re.fullmatch(rf"(?:\+?54)?9([0-9]{{{area}}})15([0-9]{{{10 - area}}})", digits)
        if match and phonenumbers.is_valid_number(phonenumbers.parse(f"+549{match[1]}{match[2]}")):
            return _Found(f"+549{match[1]}{match[2]}", True)
    return None
