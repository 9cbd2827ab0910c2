"""Reading an uploaded sheet (xlsx, xls, ods or CSV): its columns, and its rows as text."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import IO, Any

from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _

from contacts import columns as column_rules
from contacts.cells import Cell, cell_text, is_blank
from contacts.columns import COUNTRY, IGNORE, NAME, PHONE, Column
from contacts.excerpts import beginning_of
from contacts.limits import LONGEST_CELL
from contacts.mapping import MappingError, mapped
from contacts.phone_numbers import Reading, find_mobile, read_number
from contacts.sheet_errors import SheetError
from contacts.tables import Table, open_tables
from contacts.uploads import ODS, XLSX, check_upload

# How long a file that must be read in a process of its own may take; else its columns are found by the task.
PEEK_SECONDS, PEEK_SECONDS_OF_SMALL = 0.2, 2.0
SMALL_BYTES = 1024 * 1024
SAMPLE_ROWS = 200
ROWS_SHOWN = 5
LONGEST_SHOWN = 200  # signs of a cell in a sample row


@dataclass(frozen=True)
class Sheet:
    """A sheet whose columns are known. `rows` counts what stands under the header, with blank rows."""

    name: str
    columns: list[Column]
    rows: int
    region: str
    sheets: list[str]
    _table: Table
    _header_row: int

    @property
    def has_phones(self) -> bool:
        return any(column.role == PHONE for column in self.columns)

    @property
    def phone_index(self) -> int:
        return next(index for index, column in enumerate(self.columns) if column.role == PHONE)

    @cached_property
    def _places(self) -> tuple[int, int | None]:
        country = next((index for index, column in enumerate(self.columns) if column.role == COUNTRY), None)
        return self.phone_index, country

    def iter_rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """Row numbers as Excel shows them, and the cells in the order of `columns`."""
        rows = enumerate(self._table.iter_rows(), start=1)
        return islice(rows, self._header_row, None)

    def sample(self) -> list[list[str]]:
        """The first rows that are not blank, as text."""
        return [_shown(cells) for _number, cells in islice(_filled_rows(self), ROWS_SHOWN)]

    def read_number(self, cells: list[Cell], *, allow_fixed_line: bool = False) -> Reading:
        """The number of a row's person, with regard to the column of countries if there is one."""
        phone, country = self._places
        written = cells[phone]
        if country is None:
            return read_number(written, self.region, allow_fixed_line=allow_fixed_line)
        return read_number(written, self.region, country=cells[country], allow_fixed_line=allow_fixed_line)


@dataclass(frozen=True)
class Peek:
    """What the beginning of a sheet tells during the request: its columns, the values of its first usable row, and its
    first rows as text, in the order of `columns`. `sheets` names the worksheets that could be read instead."""

    columns: list[Column]
    example: dict[str, str]
    sheet: str
    sheets: list[str]
    rows: list[list[str]]


def open_sheet(
    file: IO[bytes], name: str, region: str, *, sheet: str = "", mapping: Any = None, phone_required: bool = True
) -> Sheet:
    """Opens a checked upload. Raises `SheetError` naming the file (`name`) and what to do.

    Without a `sheet` the first visible worksheet with anything in it counts; its first row that is not blank holds the
    headers. `mapping` changes what the columns are taken for: see `contacts.mapping.mapped`. Without `phone_required`
    a sheet whose phones were not found is no error: somebody may name their column.
    """
    tables = open_tables(file, name, check_upload(file, name), sheet=sheet)
    return _with_columns(tables, sheet, name, region, mapping, phone_required=phone_required)


def peek(
    file: IO[bytes], name: str, region: str, *, sheet: str = "", mapping: Any = None, phone_required: bool = True
) -> Peek | None:
    """Checks an upload and looks at its first rows, in a fifth of a second or so. Raises `SheetError`.

    None where that is not enough to tell: the task that reads it whole then finds the columns, or what is wrong.
    Without `phone_required` a sheet whose phones were not found is no error: somebody may name their column.
    """
    kind = check_upload(file, name)
    start = beginning_of(file, kind) if kind in (XLSX, ODS) else file
    if start is None:
        return None
    seconds = PEEK_SECONDS if file.seek(0, 2) > SMALL_BYTES else PEEK_SECONDS_OF_SMALL
    try:
        tables = open_tables(start, name, kind, sheet=sheet, first_rows=SAMPLE_ROWS + 1, seconds=seconds)
    except TimeoutError:
        return None
    except SheetError:
        if start is not file:  # the whole of it may well be in order
            return None
        raise
    found = _with_columns(tables, sheet, name, region, mapping, phone_required=phone_required)
    file.seek(0)
    return Peek(
        columns=found.columns,
        example=_example(found),
        sheet=found.name,
        sheets=found.sheets,
        rows=found.sample(),
    )


class RowValues:
    """Gives the variables of one person after the other; empty cells are left out. The phone's column gives the number
    in E.164, and it and the name's can also be called `phone` and `name`."""

    def __init__(self, columns: list[Column]) -> None:
        self._columns = [
            (index, column.key, column.role if column.role in (PHONE, NAME) else "", column)
            for index, column in enumerate(columns)
            if column.role != IGNORE
        ]

    def of(self, cells: list[Cell], phone_number: str) -> dict[str, str]:
        values: dict[str, str] = {}
        aliases: dict[str, str] = {}
        for index, key, alias, column in self._columns:
            cell = cells[index] if index < len(cells) else ""
            text = phone_number if alias == PHONE else cell_text(cell)
            if text and not text.isspace():
                if len(text) > LONGEST_CELL:
                    raise SheetError(_too_long(column))
                values[key] = text
                if alias:
                    aliases[alias] = text
        return aliases | values


def _too_long(column: Column) -> str:
    return _(
        "A cell of the column “%(column)s” has more than %(most)s signs. Shorten it and upload the file again."
    ) % {
        "column": column.header or column.key,
        "most": intcomma(LONGEST_CELL),
    }


def _filled_rows(sheet: Sheet) -> Iterator[tuple[int, list[Cell]]]:
    return ((number, cells) for number, cells in islice(sheet.iter_rows(), SAMPLE_ROWS) if not is_blank(cells))


def _example(sheet: Sheet) -> dict[str, str]:
    if not sheet.has_phones:
        return {}
    for _number, cells in _filled_rows(sheet):
        if number := sheet.read_number(cells).number:
            return RowValues(sheet.columns).of(cells, number)
    return {}


def _shown(cells: list[Cell]) -> list[str]:
    return [cell_text(cell)[:LONGEST_SHOWN] for cell in cells]


def _chosen(tables: list[Table], wanted: str, name: str) -> Table:
    if not tables:
        raise SheetError(
            _("“%(name)s” has no cell that is filled. Check the file and upload it again.") % {"name": name}
        )
    if not wanted:
        return tables[0]
    for table in tables:
        if table.name == wanted:
            return table
    raise SheetError(
        _("“%(name)s” has no sheet “%(sheet)s” with anything in it. Choose one of: %(sheets)s.")
        % {"name": name, "sheet": wanted, "sheets": ", ".join(table.name for table in tables)}
    )


def _with_columns(
    tables: list[Table], wanted: str, name: str, region: str, mapping: Any, *, phone_required: bool
) -> Sheet:
    table = _chosen(tables, wanted, name)
    rows = iter(enumerate(table.iter_rows(), start=1))
    header_row, header = next(((number, cells) for number, cells in rows if not is_blank(cells)), (0, []))
    sample = list(islice((cells for _number, cells in rows if not is_blank(cells)), SAMPLE_ROWS))
    headers = [" ".join(cell_text(cell).split()) for cell in header]
    if any(find_mobile(cell, region) for cell in header):
        raise SheetError(
            _(
                "The first row of “%(name)s” holds a phone number instead of column names. "
                "Insert a row above it with a name for each column, such as Name and Phone."
            )
            % {"name": name}
        )
    columns = column_rules.identify(headers, sample, region)
    if mapping:
        try:
            columns = mapped(columns, mapping)
        except MappingError as error:
            raise SheetError(str(error)) from error
    if phone_required and not any(column.role == PHONE for column in columns):
        raise SheetError(
            _(
                "“%(name)s” has no column with phone numbers. Its columns are: %(columns)s. "
                "Name the right one “Phone” and upload the file again."
            )
            % {"name": name, "columns": ", ".join(filter(None, headers)) or "–"}
        )
    if not sample:
        raise SheetError(
            _("“%(name)s” has no row under its column names. Add people and upload it again.") % {"name": name}
        )
    names = [each.name for each in tables]
    return Sheet(table.name, columns, max(0, table.last_row - header_row), region, names, table, header_row)
