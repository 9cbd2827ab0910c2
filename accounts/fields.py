"""Model fields for things that several apps store: a time zone and a phone region."""

from typing import Any
from zoneinfo import available_timezones

import phonenumbers
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _


def validate_time_zone(value: str) -> None:
    if value not in available_timezones():
        raise ValidationError(
            _("“%(value)s” is no time zone. Use a name such as Asia/Jakarta."), params={"value": value}
        )


def validate_phone_region(value: str) -> None:
    if value not in phonenumbers.SUPPORTED_REGIONS:
        raise ValidationError(
            _("“%(value)s” is no phone region. Use two letters such as ID."), params={"value": value}
        )


class TimeZoneField(models.CharField):
    """An IANA time zone name such as `Asia/Jakarta`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 64)
        kwargs["validators"] = [validate_time_zone]
        super().__init__(*args, **kwargs)


class PhoneRegionField(models.CharField):
    """A two-letter region whose national phone format is understood, such as `ID`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", 2)
        kwargs["validators"] = [validate_phone_region]
        super().__init__(*args, **kwargs)
