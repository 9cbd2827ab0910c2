"""Reads a workbook in a process of its own: a file on stdin, lines of JSON on stdout.

    python table_reader.py FIRST_ROWS SHEET < list.xls

For every visible worksheet with anything in it: a line that describes it, lines with rows (of the worksheet SHEET, or
the first one), and `END`. It runs without Django, and takes no more memory and time than is set here.
"""

import json
import resource
import sys
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from io import BytesIO
from itertools import islice
from typing import Any

MOST_MEMORY = 450 * 1024**2  # bytes
MOST_OUTPUT = 2 * 1024**3  # bytes
MOST_SECONDS = 110  # of CPU
ROWS_A_LINE = 200
LONGEST_LINE = 16 * 1024**2  # bytes
END = b"\n"
NO_MEMORY = 3  # the exit code


def visible(workbook: Any) -> list[int]:
    from python_calamine import SheetTypeEnum, SheetVisibleEnum

    return [
        index
        for index, about in enumerate(workbook.sheets_metadata)
        if about.typ == SheetTypeEnum.WorkSheet and about.visible == SheetVisibleEnum.Visible
    ]


def main(first_rows: int, sheet: str) -> int:
    _limit(resource.RLIMIT_AS, MOST_MEMORY)
    _limit(resource.RLIMIT_FSIZE, MOST_OUTPUT)
    _limit(resource.RLIMIT_CPU, MOST_SECONDS)
    _limit(resource.RLIMIT_CORE, 0)
    try:
        for line in _lines(first_rows, sheet):
            sys.stdout.buffer.write(line)
        sys.stdout.buffer.flush()
    except MemoryError:
        return NO_MEMORY
    return 0


def _limit(kind: int, most: int) -> None:
    _soft, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _lines(first_rows: int, wanted: str) -> Iterator[bytes]:
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        workbook = CalamineWorkbook.from_filelike(BytesIO(sys.stdin.buffer.read()))
        is_read = False
        for index in visible(workbook):
            worksheet = workbook.get_sheet_by_index(index)
            if worksheet.end is None:
                continue
            row, column = worksheet.end
            yield _line({"name": worksheet.name, "last_row": row + 1, "last_column": column + 1})
            if not is_read and wanted in ("", worksheet.name):
                is_read = True
                rows = iter(worksheet.iter_rows())
                if first_rows:
                    rows = islice(rows, first_rows)
                while portion := list(islice(rows, ROWS_A_LINE)):
                    yield from _lines_of_rows(portion)
            yield END
    except PasswordError:
        yield _line({"error": "password"})
    except MemoryError:
        raise
    except BaseException as error:
        # A panic of the Rust code is no `Exception`.
        if isinstance(error, CalamineError) or type(error).__name__ == "PanicException":
            yield _line({"error": "damaged"})
            return
        raise


def _lines_of_rows(rows: list[list[Any]]) -> Iterator[bytes]:
    """One line, or more where it would be long. Whoever reads them holds one in memory."""
    line = _line(rows)
    if len(line) <= LONGEST_LINE:
        yield line
    elif len(rows) == 1:
        raise MemoryError
    else:
        yield from _lines_of_rows(rows[: len(rows) // 2])
        yield from _lines_of_rows(rows[len(rows) // 2 :])


def _line(content: Any) -> bytes:
    return json.dumps(content, default=_described, separators=(",", ":")).encode() + b"\n"


def _described(cell: Any) -> dict[str, Any]:
    if isinstance(cell, datetime):
        return {"datetime": cell.isoformat()}
    if isinstance(cell, date):
        return {"date": cell.isoformat()}
    if isinstance(cell, time):
        return {"time": cell.isoformat()}
    if isinstance(cell, timedelta):
        return {"seconds": cell.total_seconds()}
    return {"seconds": 0}


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2]))
