"""The time zone in which the owner of a number probably lives, from the number's region and area code."""

from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import timezone

UNKNOWN = "Etc/Unknown"


def zone_of(phone_number: str, default: ZoneInfo) -> ZoneInfo:
    """The first zone that libphonenumber knows for an E.164 number; `default` where it knows none.

    A mobile number of a country with several zones tells the country only: the first of them is taken.
    """
    try:
        names = timezone.time_zones_for_number(phonenumbers.parse(phone_number))
    except phonenumbers.NumberParseException:
        return default
    return ZoneInfo(names[0]) if names and names[0] != UNKNOWN else default
