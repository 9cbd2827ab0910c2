"""The worksheets of an uploaded file as tables of cells.

An .xlsx whose cells are known to fit into memory is read in this process, which is fastest. Every other workbook is
read in a process of its own with little memory (`contacts.table_reader`): whatever such a file does to calamine, only
that process ends.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import IO, Any, Final, Protocol

from django.utils.translation import gettext as _
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, PasswordError

from contacts import table_reader
from contacts.cells import Cell
from contacts.delimited import open_delimited
from contacts.limits import MOST_COLUMNS, too_far
from contacts.sheet_errors import SheetError, damaged, protected
from contacts.uploads import CSV, MOST_CELLS, XLSX, measure

MOST_KEPT_HERE = 250 * 1024**2  # bytes of cells
SECONDS_TO_READ = 120.0
LONGEST_NAME = 200  # signs of a worksheet's name; Excel takes 31
ENDED_BY_A_LIMIT: Final = (table_reader.NO_MEMORY, -signal.SIGABRT, -signal.SIGXFSZ, -signal.SIGXCPU, -signal.SIGKILL)
READER: Final = Path(table_reader.__file__)


class Table(Protocol):
    """One worksheet. `last_row` is the number of the last row with anything in it, as Excel counts; 0 for none."""

    @property
    def name(self) -> str: ...
    @property
    def last_row(self) -> int: ...
    def iter_rows(self) -> Iterator[list[Cell]]: ...


@dataclass(frozen=True)
class WorksheetHere:
    worksheet: CalamineSheet

    @property
    def name(self) -> str:
        return self.worksheet.name

    @property
    def last_row(self) -> int:
        return self.worksheet.end[0] + 1 if self.worksheet.end else 0

    def iter_rows(self) -> Iterator[list[Cell]]:
        return iter(self.worksheet.iter_rows())


@dataclass(frozen=True)
class WorksheetElsewhere:
    """Rows that `table_reader` has written to a file, from `place` on."""

    name: str
    last_row: int
    file: IO[bytes] = field(repr=False)
    place: int

    def iter_rows(self) -> Iterator[list[Cell]]:
        self.file.seek(self.place)
        number = 0
        while (line := self.file.readline()) and line != table_reader.END:
            for row in json.loads(line):
                number += 1
                yield [cell if not isinstance(cell, dict) else _moment(cell) for cell in row]


def open_tables(
    file: IO[bytes],
    name: str,
    kind: str,
    *,
    sheet: str = "",
    first_rows: int | None = None,
    seconds: float = SECONDS_TO_READ,
) -> list[Table]:
    """The visible worksheets with anything in them, of a file that `uploads.check_upload` found to be of this kind.

    Only the one called `sheet` (or the first one) need be read, and of it `first_rows`. Raises `SheetError`, and
    `TimeoutError` where it takes more than so many seconds.
    """
    if kind == CSV:
        table = open_delimited(file, name, first_rows=first_rows)
        return [table] if table.last_row else []
    if kind == XLSX:
        measured = measure(file, name)
        if measured.is_plain and measured.bytes_to_keep <= MOST_KEPT_HERE:
            return _read_here(file, name)
    return _read_elsewhere(file, name, sheet, first_rows, seconds)


def _read_here(file: IO[bytes], name: str) -> list[Table]:
    file.seek(0)
    try:
        workbook = CalamineWorkbook.from_filelike(file)
        found = [workbook.get_sheet_by_index(index) for index in table_reader.visible(workbook)]
    except PasswordError as error:
        raise SheetError(protected(name)) from error
    except BaseException as error:
        # A panic of the Rust code is no `Exception`; it would end the process.
        if isinstance(error, CalamineError) or type(error).__name__ == "PanicException":
            raise SheetError(damaged(name)) from error
        raise
    return [WorksheetHere(worksheet) for worksheet in found if worksheet.start is not None]


def _read_elsewhere(file: IO[bytes], name: str, sheet: str, first_rows: int | None, seconds: float) -> list[Table]:
    output: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  it lives as long as its tables
    ended = _run_reader(file, output, sheet, first_rows, seconds)
    output.seek(0)
    tables: list[Table] = []
    while line := output.readline():
        about = json.loads(line)
        if "error" in about:
            raise SheetError(protected(name) if about["error"] == "password" else damaged(name))
        row, column = about["last_row"], about["last_column"]
        if column > MOST_COLUMNS or row * column > MOST_CELLS:
            raise SheetError(too_far(name, row, column))
        tables.append(WorksheetElsewhere(about["name"], row, output, output.tell()))
        while (line := output.readline()) and line != table_reader.END:
            pass
        if not line:
            break
    if ended != 0:
        raise SheetError(_too_much(name) if ended in ENDED_BY_A_LIMIT else damaged(name))
    return tables


def _run_reader(file: IO[bytes], output: IO[bytes], sheet: str, first_rows: int | None, seconds: float) -> int:
    """Gives the exit code. Raises `TimeoutError`."""
    with tempfile.TemporaryFile() as copy:
        file.seek(0)
        while chunk := file.read(1024 * 1024):
            copy.write(chunk)
        copy.flush()
        copy.seek(0)
        command = [sys.executable, "-I", str(READER), str(first_rows or 0), sheet[:LONGEST_NAME].replace("\0", "")]
        process = subprocess.Popen(
            command, stdin=copy, stdout=output, stderr=subprocess.DEVNULL, env={"PATH": os.defpath}
        )
        try:
            return process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError from error
        finally:
            process.kill()
            process.wait()


def _too_much(name: str) -> str:
    return _(
        "“%(name)s” needs far more memory than a list of people should. Copy the list into a new Excel workbook, or "
        "save it as CSV, and upload that."
    ) % {"name": name}


def _moment(cell: dict[str, Any]) -> Cell:
    """A date, a time, or a duration in seconds."""
    ((kind, value),) = cell.items()
    match kind:
        case "datetime":
            return datetime.fromisoformat(value)
        case "date":
            return date.fromisoformat(value)
        case "time":
            return time.fromisoformat(value)
    return timedelta(seconds=value)
