"""Phone numbers in the options of commands."""

from django.core.management.base import CommandError

from contacts.phone_numbers import InvalidNumber, normalise


def phone_number(option: str, written: str) -> str:
    """The number in E.164. Raises CommandError, which names the option."""
    try:
        return normalise(written, "ID")
    except InvalidNumber as error:
        raise CommandError(f"{option} {written!r}: {error}") from error
