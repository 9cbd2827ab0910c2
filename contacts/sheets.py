"""Reading an uploaded Excel sheet: its columns, and its rows as text."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import islice
from typing import IO, Any, Final

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
from contacts.columns import PHONE, Column
from contacts.phone_numbers import find_mobile
from contacts.uploads import SheetError, check_upload, damaged, measure, unpacked_bytes

SMALL_BYTES = 4 * 1024**2  # unpacked, about 15,000 rows: opened in a tenth of a second
SAMPLE_ROWS = 200

Cell = Any  # what calamine gives: text, number, date, time, duration or truth; "" where the cell is empty
_NO_CONTROL_SIGNS: Final = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


@dataclass(frozen=True)
class Sheet:
    """A sheet whose columns are known. `rows` counts what stands under the header, with blank rows."""

    columns: list[Column]
    rows: int
    _worksheet: CalamineSheet
    _header_row: int

    @property
    def phone_index(self) -> int:
        return next(index for index, column in enumerate(self.columns) if column.role == PHONE)

    def iter_rows(self) -> Iterator[tuple[int, list[Cell]]]:
        """Row numbers as Excel shows them, and the cells in the order of `columns`."""
        rows = enumerate(self._worksheet.iter_rows(), start=1)
        return islice(rows, self._header_row, None)


@dataclass(frozen=True)
class Peek:
    """What a small sheet tells during the request: its columns, and the values of its first usable row."""

    columns: list[Column]
    example: dict[str, str]


def open_sheet(file: IO[bytes], name: str, region: str) -> Sheet:
    """Opens a checked upload. Raises `SheetError` naming the file (`name`) and what to do.

    The first visible worksheet with anything in it counts; its first row that is not blank holds the headers.
    """
    measure(file, name)
    file.seek(0)
    try:
        worksheet = _first_worksheet(CalamineWorkbook.from_filelike(file))
    except PasswordError as error:
        raise SheetError(
            _("“%(name)s” is protected with a password. Remove it and upload the file again.") % {"name": name}
        ) from error
    except BaseException as error:
        # A panic of the Rust code is no `Exception`; it would end the process.
        if isinstance(error, CalamineError) or type(error).__name__ == "PanicException":
            raise SheetError(damaged(name)) from error
        raise
    if worksheet is None:
        raise SheetError(
            _("“%(name)s” has no cell that is filled. Check the file and upload it again.") % {"name": name}
        )
    return _with_columns(worksheet, name, region)


def peek(file: IO[bytes], name: str, region: str) -> Peek | None:
    """Checks an upload and, where it is small, its columns too; None for a large one. Raises `SheetError`."""
    check_upload(file, name)
    if unpacked_bytes(file) > SMALL_BYTES:
        return None
    sheet = open_sheet(file, name, region)
    example: dict[str, str] = {}
    for _number, cells in islice(sheet.iter_rows(), SAMPLE_ROWS):
        number = find_mobile(cells[sheet.phone_index], region)
        if number is not None:
            example = row_values(sheet.columns, cells, number)
            break
    file.seek(0)
    return Peek(sheet.columns, example)


def row_values(columns: list[Column], cells: list[Cell], phone_number: str) -> dict[str, str]:
    """The variables of one person; empty cells are left out. The phone's column gives the number in E.164."""
    values: dict[str, str] = {}
    aliases: dict[str, str] = {}
    for column, cell in zip(columns, cells, strict=False):
        text = phone_number if column.role == PHONE else cell_text(cell)
        if text and not text.isspace():
            values[column.key] = text
            if column.role:
                aliases[column.role] = text
    return {**aliases, **values}


def is_blank(cells: list[Cell]) -> bool:
    return all(cell == "" or (isinstance(cell, str) and cell.isspace()) for cell in cells)


def cell_text(cell: Cell) -> str:
    """What stands in a cell, as plain text: numbers without an exponent, dates as ISO 8601, text unchanged."""
    if isinstance(cell, str):
        return cell if cell.isprintable() else cell.replace("\r\n", "\n").translate(_NO_CONTROL_SIGNS)
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return _float_text(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "minutes" if not cell.second else "seconds")
    if isinstance(cell, time):
        return cell.isoformat("minutes" if not cell.second else "seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        seconds = round(cell.total_seconds())
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return str(cell)


def _float_text(number: float) -> str:
    """Excel keeps 15 digits, so these are what was typed."""
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    text = f"{number:.15g}"
    return text if "e" not in text else f"{number:.15f}".rstrip("0").rstrip(".")


def _first_worksheet(workbook: CalamineWorkbook) -> CalamineSheet | None:
    for index, about in enumerate(workbook.sheets_metadata):
        if about.typ == SheetTypeEnum.WorkSheet and about.visible == SheetVisibleEnum.Visible:
            worksheet = workbook.get_sheet_by_index(index)
            if worksheet.start is not None:
                return worksheet
    return None


def _with_columns(worksheet: CalamineSheet, name: str, region: str) -> Sheet:
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
    if not any(column.role == PHONE for column in columns):
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
    return Sheet(columns, last_row - header_row, worksheet, header_row)
