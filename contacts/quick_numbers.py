"""Common mobile numbers, checked against libphonenumber's own patterns without its general entry points.

It never says no: whatever is in any doubt is left to the library, and what it accepts the library accepts too.
"""

import re
from functools import cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberDesc
from phonenumbers.phonenumberutil import COUNTRY_CODE_TO_REGION_CODE

LONGEST_NATIONAL = 17  # digits
OTHER_KINDS = ("premium_rate", "toll_free", "shared_cost", "voip", "personal_number", "pager", "uan", "voicemail")


def read_quickly(digits: str, region: str) -> str | None:
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


class _Plan:
    """The numbering plan of a country code that belongs to one region only."""

    def __init__(self, metadata: PhoneMetadata) -> None:
        self.country_code = str(metadata.country_code)
        self.general = _pattern(metadata.general_desc)
        self.national_prefix = re.compile(metadata.national_prefix_for_parsing or r"(?!)")
        self.exit_prefix = re.compile(metadata.international_prefix or r"(?!)")
        self.plain_prefix = metadata.national_prefix if _has_plain_prefix(metadata) else None
        mobile = metadata.fixed_line if metadata.same_mobile_and_fixed_line_pattern else metadata.mobile
        self._mobile = _by_length([mobile])
        self._other = _by_length([getattr(metadata, kind) for kind in OTHER_KINDS])

    def is_mobile(self, national: str) -> bool:
        """Whether the library would call a national number that needs no prefix removed a mobile number."""
        mobile, other = self._mobile.get(len(national)), self._other.get(len(national))
        if mobile is None or not mobile.fullmatch(national) or not self.general.fullmatch(national):
            return False
        prefix = self.national_prefix.match(national)
        return not (prefix and prefix.end()) and not (other and other.fullmatch(national))


def _has_plain_prefix(metadata: PhoneMetadata) -> bool:
    return bool(metadata.national_prefix) and metadata.national_prefix_for_parsing == metadata.national_prefix


def _pattern(kind: PhoneNumberDesc | None) -> re.Pattern[str]:
    return re.compile((kind and kind.national_number_pattern) or r"(?!)")


def _by_length(kinds: list[PhoneNumberDesc | None]) -> dict[int, re.Pattern[str]]:
    """One pattern for the numbers of so many digits that are of any of these kinds."""
    known = [kind for kind in kinds if kind is not None and kind.national_number_pattern]
    found = {
        length: [kind.national_number_pattern for kind in known if length in (kind.possible_length or (length,))]
        for length in range(1, LONGEST_NATIONAL + 1)
    }
    return {
        length: re.compile("|".join(f"(?:{pattern})" for pattern in patterns))
        for length, patterns in found.items()
        if patterns
    }


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
