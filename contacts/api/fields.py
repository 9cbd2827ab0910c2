"""What several APIs read in the same way."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ValidationError as InvalidValues
from rest_framework import serializers

from accounts.models import Organization
from contacts.phone_numbers import InvalidNumber, normalise


def number_from(written: str, organization: Organization) -> str:
    """The number in E.164. Raises ValidationError."""
    try:
        return normalise(written, organization.default_region)
    except InvalidNumber as error:
        raise serializers.ValidationError(str(error)) from error


@contextmanager
def reported() -> Iterator[None]:
    """What a service refuses, by field, as the API tells it."""
    try:
        yield
    except InvalidValues as error:
        raise serializers.ValidationError(getattr(error, "message_dict", error.messages)) from error
