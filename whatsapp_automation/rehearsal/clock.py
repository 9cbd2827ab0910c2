"""A clock that a rehearsal or a measurement moves, for Python and for PostgreSQL alike: days pass in seconds, by the
product's own rules."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import Field
from django.utils import timezone

_CLOCKS = ("now", "statement_timestamp", "clock_timestamp", "transaction_timestamp")


class Clock:
    """The moment that everything takes for the present one, once `running` began."""

    def __init__(self) -> None:
        self.moment = timezone.now()

    def __call__(self) -> datetime:
        return self.moment

    def set(self, moment: datetime) -> None:
        self.moment = moment
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('simulated.now', %s, FALSE)", [moment.isoformat()])


@contextmanager
def running(schema: str = "simulated") -> Iterator[Clock]:
    """Puts functions of its own before PostgreSQL's, on this connection only, and itself wherever a module or a
    field's default holds Django's clock. Tables of the schema come first as well."""
    clock = Clock()
    real = timezone.now
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        for name in _CLOCKS:
            cursor.execute(
                f'CREATE OR REPLACE FUNCTION "{schema}".{name}() RETURNS timestamptz STABLE LANGUAGE sql'
                " AS $$ SELECT current_setting('simulated.now')::timestamptz $$"
            )
        cursor.execute(f'SET search_path = "{schema}", pg_catalog, public')
        cursor.execute("SET synchronous_commit = off")  # what is simulated need not survive a power cut
    changed, fields = _replace(real, clock), [field for field in _fields() if field.default is real]
    _set_defaults(fields, clock)
    clock.set(real())
    try:
        yield clock
    finally:
        for module, name in changed:
            setattr(module, name, real)
        _set_defaults(fields, real)
        with connection.cursor() as cursor:
            cursor.execute("RESET search_path")
            cursor.execute("RESET synchronous_commit")


def _replace(real: object, clock: Clock) -> list[tuple[object, str]]:
    changed: list[tuple[object, str]] = []
    for module in list(sys.modules.values()):
        for name in ("now", "clock"):
            if getattr(module, "__dict__", {}).get(name) is real:
                setattr(module, name, clock)
                changed.append((module, name))
    return changed


def _fields() -> "Iterator[Field[Any, Any]]":
    return (field for model in apps.get_models() for field in model._meta.concrete_fields)


def _set_defaults(fields: "list[Field[Any, Any]]", clock: Callable[[], datetime]) -> None:
    for field in fields:
        field.default = clock
        field.__dict__.pop("_get_default", None)  # which Django keeps
