"""The rows of a sheet, written down as they were understood."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from django.core.exceptions import ValidationError
from django.db import connection

from contacts import attributes, tags
from contacts import values as value_rules
from contacts.cells import Cell, cell_text, is_blank, tags_of
from contacts.columns import PLAIN, TAGS
from contacts.models import AttributeKind, ImportedRow, ListImport
from contacts.sheets import SAMPLE_ROWS, RowValues, Sheet

LOOK_AT_THE_CLOCK_EVERY = 500  # rows
MISFITS_SHOWN = 20
_COPY = (
    "COPY contacts_importedrow"
    " (list_import_id, row_number, phone_number, phone_as_written, values, tags, cells, problem) FROM STDIN"
)
_encode = json.JSONEncoder(ensure_ascii=False).encode


@dataclass(slots=True)
class Written:
    """What `copy_rows` wrote. `misfits` counts values that are not of their attribute's type, with a few as examples;
    they are kept as they are written."""

    blank: int = 0
    invalid: int = 0
    misfits: int = 0
    examples: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Typed:
    """A column whose attribute is no plain text."""

    index: int
    key: str
    header: str
    kind: str
    decimal_mark: str


class _Reader:
    """Understands one row after the other."""

    def __init__(self, list_import: ListImport, sheet: Sheet) -> None:
        self.list_import_id = list_import.pk
        self.sheet = sheet
        self.written = Written()
        self.values = RowValues(sheet.columns)
        self.phone_index = sheet.phone_index
        self.tags_index = next((i for i, column in enumerate(sheet.columns) if column.role == TAGS), None)
        self.allow_fixed_line = list_import.purpose == ListImport.Purpose.BLOCKLIST
        self.typed = _typed_columns(list_import, sheet)

    def row(self, number: int, cells: list[Cell]) -> tuple[Any, ...] | None:
        """What is stored of a row; None for a blank one."""
        if is_blank(cells):
            self.written.blank += 1
            return None
        reading = self.sheet.read_number(cells, allow_fixed_line=self.allow_fixed_line)
        values = self.values.of(cells, reading.number)
        problem, names = reading.problem, None
        if self.tags_index is not None:
            try:
                names = tags.tag_names(tags_of(cell_text(cells[self.tags_index])))
            except ValidationError:
                problem = problem or ImportedRow.Problem.BAD_TAGS.value
        if problem:
            self.written.invalid += 1
            as_written = cell_text(cells[self.phone_index]).strip()[:100]
            texts = [cell_text(cell) for cell in cells]
            return (self.list_import_id, number, "", as_written, _encode(values), names, _encode(texts), problem)
        for column in self.typed:
            self._store_typed(column, number, cells, values)
        return (self.list_import_id, number, reading.number, "", _encode(values), names, None, "")

    def _store_typed(self, column: _Typed, number: int, cells: list[Cell], values: dict[str, str]) -> None:
        if column.key not in values:
            return
        try:
            values[column.key] = value_rules.canonical(
                column.kind, cells[column.index], region=self.sheet.region, decimal_mark=column.decimal_mark
            )
        except value_rules.DoesNotFit as error:
            self.written.misfits += 1
            if len(self.written.examples) < MISFITS_SHOWN:
                self.written.examples.append({"row": number, "column": column.header, "reason": str(error)})


def copy_rows(list_import: ListImport, sheet: Sheet, note: Callable[[int], None]) -> Written:
    """Writes every row that is not blank into `ImportedRow`."""
    reader = _Reader(list_import, sheet)
    with connection.cursor() as cursor, cursor.copy(_COPY) as copy:
        for done, (number, cells) in enumerate(sheet.iter_rows()):
            if done % LOOK_AT_THE_CLOCK_EVERY == 0:
                note(done)
            row = reader.row(number, cells)
            if row is not None:
                copy.write_row(row)
    return reader.written


def wanted_kinds(list_import: ListImport) -> dict[str, str]:
    """The types that somebody chose for attributes, by key; they count for attributes that are new."""
    entries = list_import.mapping if isinstance(list_import.mapping, list) else []
    return {
        str(entry["key"]): entry["kind"]
        for entry in entries
        if isinstance(entry, dict) and entry.get("key") and entry.get("kind") in AttributeKind.values
    }


def _typed_columns(list_import: ListImport, sheet: Sheet) -> list[_Typed]:
    kinds = {**wanted_kinds(list_import), **attributes.kinds_of(list_import.organization_id)}
    typed = [
        (index, column, kind)
        for index, column in enumerate(sheet.columns)
        if column.role == PLAIN and (kind := kinds.get(column.key, AttributeKind.TEXT)) != AttributeKind.TEXT
    ]
    if not typed or not list_import.for_contacts:
        return []
    sample = [cells for _number, cells in islice(sheet.iter_rows(), SAMPLE_ROWS)]
    return [
        _Typed(
            index,
            column.key,
            column.header or column.key,
            kind,
            value_rules.decimal_mark_of(cell_text(cells[index]) for cells in sample if isinstance(cells[index], str))
            if kind == AttributeKind.NUMBER
            else "",
        )
        for index, column, kind in typed
    ]
