"""Reading an uploaded Excel sheet: its columns, and its rows as text."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import IO, Any

from django.utils.translation import gettext as _
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from contacts import columns as column_rules
from contacts.cells import Cell, cell_text, is_blank
from contacts.columns import COUNTRY, IGNORE, NAME, PHONE, Column
from contacts.mapping import MappingError, mapped
from contacts.phone_numbers import Reading, find_mobile, read_number
from contacts.uploads import SheetError, check_upload, damaged, measure, unpacked_bytes

SMALL_BYTES = 4 * 1024**2  # unpacked, about 15,000 rows: opened in a tenth of a second
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
    _worksheet: CalamineSheet
    _header_row: int

    @property
    def phone_index(self) -> int:
        return next(index for index, column in enumerate(self.columns) if column.role == PHONE)

    @cached_property
    def _places(self) -> tuple[int, int | None]:
        country = next((index for index, column in enumerate(self.columns) if column.role == COUNTRY), None)
        return self.phone_index, country

    def iter_rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """Row numbers as Excel shows them, and the cells in the order of `columns`."""
        rows = enumerate(self._worksheet.iter_rows(), start=1)
        return islice(rows, self._header_row, None)

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


def open_sheet(file: IO[bytes], name: str, region: str, *, sheet: str = "", mapping: Any = None) -> Sheet:
    """Opens a checked upload. Raises `SheetError` naming the file (`name`) and what to do.

    Without a `sheet` the first visible worksheet with anything in it counts; its first row that is not blank holds the
    headers. `mapping` changes what the columns are taken for: see `contacts.mapping.mapped`.
    """
    worksheets = _worksheets(file, name)
    return _with_columns(_chosen(worksheets, sheet, name), name, region, mapping)


def peek(
    file: IO[bytes], name: str, region: str, *, sheet: str = "", mapping: Any = None, phone_required: bool = True
) -> Peek | None:
    """Checks an upload and looks at its first rows. Raises `SheetError`.

    Without `phone_required` a sheet whose phones were not found is no error: somebody may name their column.
    """
    check_upload(file, name)
    if unpacked_bytes(file) > SMALL_BYTES:
        return None
    worksheets = _worksheets(file, name)
    found = _with_columns(_chosen(worksheets, sheet, name), name, region, mapping, phone_required=phone_required)
    file.seek(0)
    return Peek(
        columns=found.columns,
        example=_example(found),
        sheet=found.name,
        sheets=[worksheet.name for worksheet in worksheets],
        rows=[_shown(cells) for _number, cells in islice(_filled_rows(found), ROWS_SHOWN)],
    )


def row_values(columns: list[Column], cells: list[Cell], phone_number: str) -> dict[str, str]:
    """The variables of one person; empty cells are left out. The phone's column gives the number in E.164."""
    values: dict[str, str] = {}
    aliases: dict[str, str] = {}
    for column, cell in zip(columns, cells, strict=False):
        text = phone_number if column.role == PHONE else cell_text(cell)
        if text and column.role != IGNORE and not text.isspace():
            values[column.key] = text
            if column.role in (PHONE, NAME):
                aliases[column.role] = text
    return {**aliases, **values}


def _filled_rows(sheet: Sheet) -> Iterator[tuple[int, list[Cell]]]:
    return ((number, cells) for number, cells in islice(sheet.iter_rows(), SAMPLE_ROWS) if not is_blank(cells))


def _example(sheet: Sheet) -> dict[str, str]:
    if not any(column.role == PHONE for column in sheet.columns):
        return {}
    for _number, cells in _filled_rows(sheet):
        if number := sheet.read_number(cells).number:
            return row_values(sheet.columns, cells, number)
    return {}


def _shown(cells: list[Cell]) -> list[str]:
    return [cell_text(cell)[:LONGEST_SHOWN] for cell in cells]


def _worksheets(file: IO[bytes], name: str) -> list[CalamineSheet]:
    """The visible worksheets with anything in them."""
    measure(file, name)
    file.seek(0)
    try:
        workbook = CalamineWorkbook.from_filelike(file)
        visible = [
            workbook.get_sheet_by_index(index)
            for index, about in enumerate(workbook.sheets_metadata)
            if about.typ == SheetTypeEnum.WorkSheet and about.visible == SheetVisibleEnum.Visible
        ]
    except PasswordError as error:
        raise SheetError(
            _("“%(name)s” is protected with a password. Remove it and upload the file again.") % {"name": name}
        ) from error
    except BaseException as error:
        # A panic of the Rust code is no `Exception`; it would end the process.
        if isinstance(error, CalamineError) or type(error).__name__ == "PanicException":
            raise SheetError(damaged(name)) from error
        raise
    return [worksheet for worksheet in visible if worksheet.start is not None]


def _chosen(worksheets: list[CalamineSheet], wanted: str, name: str) -> CalamineSheet:
    if not worksheets:
        raise SheetError(
            _("“%(name)s” has no cell that is filled. Check the file and upload it again.") % {"name": name}
        )
    if not wanted:
        return worksheets[0]
    for worksheet in worksheets:
        if worksheet.name == wanted:
            return worksheet
    raise SheetError(
        _("“%(name)s” has no sheet “%(sheet)s” with anything in it. Choose one of: %(sheets)s.")
        % {"name": name, "sheet": wanted, "sheets": ", ".join(worksheet.name for worksheet in worksheets)}
    )


def _with_columns(
    worksheet: CalamineSheet, name: str, region: str, mapping: Any, *, phone_required: bool = True
) -> Sheet:
    rows = iter(enumerate(worksheet.iter_rows(), start=1))
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
    last_row = worksheet.end[0] + 1 if worksheet.end else header_row
    return Sheet(worksheet.name, columns, last_row - header_row, region, worksheet, header_row)
