"""Mobile numbers as people write them, turned into E.164 (`+6281234567890`).

`phonenumbers` (Google's libphonenumber) decides. Its general entry points take about 50 µs a number, so numbers in
the plain and common forms are checked against the library's own patterns, compiled once; everything else, and every
number that these would refuse, goes to the library itself.
"""

import re
import unicodedata
from datetime import date, time, timedelta
from functools import cache
from typing import Any

import phonenumbers
from django.utils.translation import gettext as _
from phonenumbers import PhoneMetadata, PhoneNumberDesc, PhoneNumberFormat, PhoneNumberType
from phonenumbers.phonenumberutil import COUNTRY_CODE_TO_REGION_CODE

LONGEST = 15  # digits of an E.164 number
LONGEST_TEXT = 60  # signs: a number with its labels
SHORTEST_WITHOUT_PLUS = 10  # digits: shorter ones are no foreign number that lost its plus
TAKEN_FOR_MOBILE = frozenset({PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE})
OTHER_KINDS = ("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail")

_PLAIN = re.compile(r"\+?[0-9]+")
_DIGITS_OF_ANY_SCRIPT = re.compile(r"\+?\d+")
_PUNCTUATION = re.compile(r"[\s.\-()/‐-―−·'’‘`´\"]+")
_LABEL_BEFORE = re.compile(r"^(?:[^\W\d_]|[\s.:/()\[\]\-])+(?=[+\d(])")
_LABEL_BEHIND = re.compile(r"(?:@s\.whatsapp\.net|[\s,;.:(\[/\-]+[^\W\d_]+(?:[\s.]+[^\W\d_]+)*[\s.)\]]*)$")
_DECIMALS_OF_A_WHOLE_NUMBER = re.compile(r"^([0-9]+)\.0+$")


class InvalidNumber(ValueError):
    """No possible mobile number. The message is for the person who wrote it."""


def normalise(written: Any, region: str) -> str:
    """The number in E.164; raises `InvalidNumber`. See `find_mobile`."""
    found = find_mobile(written, region)
    if found is None:
        raise InvalidNumber(
            _(
                "“%(written)s” is not a possible mobile number. Write it with its country code, such as +62 812 3456 7890."
            )
            % {"written": str(written)[:50]}
        )
    return found


def masked(number: str) -> str:
    """For logs: `+62812•••7890`."""
    return f"{number[:6]}•••{number[-4:]}" if len(number) > 10 else "•••"


def find_mobile(written: Any, region: str) -> str | None:
    """The number in E.164, or None where it is no possible mobile number.

    `written` is a cell of a sheet (text, or a number that Excel made of it) or what somebody typed. Numbers without
    a country code belong to `region` (two letters); a leading 00 means plus. Digits that are no number of the
    region but are one with a plus before them are read that way: Excel drops the plus.
    """
    digits = _digits(written)
    if digits is None:
        return None
    if digits.startswith("00"):
        return _read("+" + digits.lstrip("0"), region) or _read(digits, region)
    if digits.startswith("+0"):
        digits = digits[1:]
    found = _read(digits, region)
    if found is None and _may_have_lost_its_plus(digits) and not _is_some_number(digits, region):
        found = _read("+" + digits, region)
    return found


def _may_have_lost_its_plus(digits: str) -> bool:
    return digits[0] not in "+0" and len(digits) >= SHORTEST_WITHOUT_PLUS


def _digits(written: Any) -> str | None:
    """The digits of a cell, with a plus in front where one was written."""
    if isinstance(written, str):
        if _PLAIN.fullmatch(written):
            return written
        return _digits_of_text(written)
    if isinstance(written, bool | date | time | timedelta) or written is None:
        return None
    if not 0 < written < 10**LONGEST or written != int(written):  # also false for what is no number (NaN)
        return None
    return str(int(written))


def _digits_of_text(written: str) -> str | None:
    if len(written) > LONGEST_TEXT:
        return None
    text = unicodedata.normalize("NFKC", written)
    text = "".join(sign for sign in text if unicodedata.category(sign) not in ("Cf", "Cc")).strip().strip("'’‘`´\" ")
    if match := _DECIMALS_OF_A_WHOLE_NUMBER.match(text):
        text = match[1]
    text = _LABEL_BEHIND.sub("", _LABEL_BEFORE.sub("", text))
    text = _PUNCTUATION.sub("", text)
    if not _DIGITS_OF_ANY_SCRIPT.fullmatch(text):
        return None
    return "".join(sign if sign == "+" else str(unicodedata.decimal(sign)) for sign in text)


def _read(digits: str, region: str) -> str | None:
    found = _read_plain(digits, region)
    return found if found is not None else _read_by_library(digits, region)


def _read_by_library(digits: str, region: str) -> str | None:
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number) or phonenumbers.number_type(number) not in TAKEN_FOR_MOBILE:
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def _is_some_number(digits: str, region: str) -> bool:
    try:
        return phonenumbers.is_valid_number(phonenumbers.parse(digits, region))
    except phonenumbers.NumberParseException:
        return False


class _Plan:
    """The numbering plan of a country code that belongs to one region only."""

    def __init__(self, metadata: PhoneMetadata) -> None:
        self.country_code = str(metadata.country_code)
        self.general = _pattern(metadata.general_desc)
        self.national_prefix = re.compile(metadata.national_prefix_for_parsing or r"(?!)")
        self.exit_prefix = re.compile(metadata.international_prefix or r"(?!)")
        self.plain_prefix = metadata.national_prefix if _has_plain_prefix(metadata) else None
        mobile = metadata.fixed_line if metadata.same_mobile_and_fixed_line_pattern else metadata.mobile
        self._mobile = _patterns([mobile])
        self._other = _patterns([getattr(metadata, kind) for kind in OTHER_KINDS])

    def is_mobile(self, national: str) -> bool:
        """Whether the library would call a national number that needs no prefix removed a mobile number."""
        if self.national_prefix.match(national) or not self.general.fullmatch(national):
            return False
        return _matches(self._mobile, national) and not _matches(self._other, national)


def _has_plain_prefix(metadata: PhoneMetadata) -> bool:
    return bool(metadata.national_prefix) and metadata.national_prefix_for_parsing == metadata.national_prefix


def _pattern(kind: PhoneNumberDesc | None) -> re.Pattern[str]:
    return re.compile((kind and kind.national_number_pattern) or r"(?!)")


def _patterns(kinds: list[PhoneNumberDesc | None]) -> list[tuple[re.Pattern[str], frozenset[int]]]:
    return [
        (re.compile(kind.national_number_pattern), frozenset(kind.possible_length))
        for kind in kinds
        if kind is not None and kind.national_number_pattern
    ]


def _matches(patterns: list[tuple[re.Pattern[str], frozenset[int]]], national: str) -> bool:
    return any(
        (not lengths or len(national) in lengths) and pattern.fullmatch(national) for pattern, lengths in patterns
    )


@cache
def _plan_of_code(country_code: int) -> _Plan | None:
    regions = COUNTRY_CODE_TO_REGION_CODE.get(country_code, ())
    if len(regions) != 1 or regions[0] == "001":
        return None  # several regions share the code (+1, +44): which one a number belongs to is the library's work
    metadata = PhoneMetadata.metadata_for_region(regions[0])
    return _Plan(metadata) if metadata is not None else None


@cache
def _plan_of_region(region: str) -> _Plan | None:
    return _plan_of_code(phonenumbers.country_code_for_region(region))


def _read_plain(digits: str, region: str) -> str | None:
    """The number where nothing about it is in doubt, else None: the library then has the word."""
    if digits[0] == "+":
        # No country code is the beginning of another one.
        for length in (1, 2, 3):
            plan = _plan_of_code(int(digits[1 : 1 + length] or "0"))
            if plan is not None:
                return digits if plan.is_mobile(digits[1 + length :]) else None
        return None
    plan = _plan_of_region(region)
    if plan is None or plan.exit_prefix.match(digits):
        return None
    if digits.startswith(plan.country_code):
        rest = digits[len(plan.country_code) :]
        return f"+{digits}" if not plan.general.fullmatch(digits) and plan.is_mobile(rest) else None
    if plan.plain_prefix and digits.startswith(plan.plain_prefix):
        digits = digits[len(plan.plain_prefix) :]
    return f"+{plan.country_code}{digits}" if plan.is_mobile(digits) else None
