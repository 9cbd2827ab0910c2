"""Model fields for things that several apps store: a time zone and a phone region."""

from typing import Any
from urllib.parse import urlsplit
from zoneinfo import available_timezones

import phonenumbers
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.http.request import validate_host
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


def validate_link_address(value: str) -> None:
    """What short links begin with: this server must answer there, at its root."""
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname or value != f"{parts.scheme}://{parts.netloc}":
        raise ValidationError(_("Write only the name, such as https://go.example.com, without anything behind it."))
    if "@" in parts.netloc or not validate_host(parts.hostname, settings.ALLOWED_HOSTS):
        raise ValidationError(
            _("This server does not answer to %(host)s. Whoever runs it must add that name to ALLOWED_HOSTS first."),
            params={"host": parts.hostname},
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
