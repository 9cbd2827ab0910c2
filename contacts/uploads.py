"""Whether an uploaded file is an Excel sheet that may be opened.

`check_upload` reads the first bytes and the table of contents only: milliseconds, whatever the size. `measure` reads
all of it once, because calamine keeps a place for every cell up to the last one: a file of 5 KB with a cell in the
far corner would end the process.
"""

import re
import zipfile
import zlib
from typing import IO, Final

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from contacts.columns import letter

MOST_UNPACKED = 1024**3  # bytes
MOST_TIMES_SMALLER = 200  # sheets pack to a tenth, very uniform ones to a fiftieth
HARMLESS_UNPACKED = 20 * 1024**2  # bytes, however well they packed
MOST_CONTENTS = 1024**2  # bytes of a zip's table of contents; a workbook's takes a few thousand
MOST_COLUMNS = 200
MOST_CELLS = 30_000_000  # places that calamine may keep: about 1 GB

ZIP, OLE = b"PK", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
END_OF_ZIP = b"PK\x05\x06"
OTHER_KINDS: Final = {
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"%PDF": "PDF",
    b"<!DO": "HTML",
    b"<htm": "HTML",
    b"<?xm": "XML",
    b"{\\rtf": "RTF",
}

# In a worksheet only tags of cells and rows have an attribute `r`; text that looks like one is told apart if it matters.
_REFERENCE = re.compile(rb"\sr\s*=\s*[\"']([A-Za-z]*[0-9]+)[\"']")
_REFERENCE_IN_TAG = re.compile(rb"<(?:\w+:)?(?:c|row)\b[^<>]*?\sr\s*=\s*[\"']([A-Za-z]*[0-9]+)[\"']")
_LONGEST_REFERENCE = 200  # bytes that a chunk repeats of the one before, so that none is cut in two
_LETTERS = bytes(range(ord("A"), ord("Z") + 1)) + bytes(range(ord("a"), ord("z") + 1))
_DIGITS = b"0123456789"


class SheetError(ValueError):
    """The sheet cannot be used. The message names the file and says what to do."""


def check_upload(file: IO[bytes], name: str) -> None:
    """Raises `SheetError` unless this is an unprotected Excel workbook without macros, of a bearable size."""
    size = file.seek(0, 2)
    file.seek(0)
    start = file.read(512)
    file.seek(0)
    if not size:
        raise SheetError(_("“%(name)s” is empty. Check the file and upload it again.") % {"name": name})
    if size > settings.UPLOAD_MAX_BYTES:
        raise SheetError(
            _("“%(name)s” has %(size)s; at most %(most)s can be uploaded. Split the list into several files.")
            % {"name": name, "size": filesizeformat(size), "most": filesizeformat(settings.UPLOAD_MAX_BYTES)}
        )
    if start.startswith(OLE):
        raise SheetError(_ole_complaint(file, start, name))
    if not start.startswith(ZIP):
        raise SheetError(_other_complaint(start, name))
    try:
        _check_contents(_contents(file, size), name)
    except SheetError:
        raise
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise SheetError(damaged(name)) from error


def unpacked_bytes(file: IO[bytes]) -> int:
    """How large a checked upload says it is when unpacked."""
    with zipfile.ZipFile(file) as archive:
        return sum(part.file_size for part in archive.infolist())


def damaged(name: str) -> str:
    return _("“%(name)s” is damaged and cannot be read. Open it in Excel, save it again and upload the new file.") % {
        "name": name
    }


def _contents(file: IO[bytes], size: int) -> list[zipfile.ZipInfo]:
    """The table of contents; raises `BadZipFile` for one that is far too long to be a workbook's."""
    tail = min(size, 65_557)  # the record at the end, with the longest possible comment
    file.seek(size - tail)
    end = file.read(tail)
    at = end.rfind(END_OF_ZIP)
    if at < 0 or int.from_bytes(end[at + 12 : at + 16], "little") > MOST_CONTENTS:
        raise zipfile.BadZipFile("no end record, or too many parts")
    file.seek(0)
    with zipfile.ZipFile(file) as archive:
        return archive.infolist()


def _check_contents(parts: list[zipfile.ZipInfo], name: str) -> None:
    names = {part.filename.casefold() for part in parts}
    if any(part.flag_bits & 1 for part in parts):
        raise SheetError(_protected(name))
    if len(names) != len(parts):  # two parts of one name: two programs would read two different workbooks
        raise SheetError(damaged(name))
    if any(part.endswith("vbaproject.bin") or part.startswith("xl/macrosheets/") for part in names):
        raise SheetError(
            _("“%(name)s” contains macros. In Excel choose File > Save As > Excel Workbook (.xlsx) and upload that.")
            % {"name": name}
        )
    if "xl/workbook.xml" not in names:
        raise SheetError(_other_office_complaint(names, name))
    unpacked = sum(part.file_size for part in parts)
    packed = sum(part.compress_size for part in parts)
    if unpacked > MOST_UNPACKED or unpacked > max(HARMLESS_UNPACKED, MOST_TIMES_SMALLER * packed):
        raise SheetError(
            _(
                "“%(name)s” unpacks to %(size)s, far more than a list of people needs. "
                "Copy the list into a new Excel workbook and upload that."
            )
            % {"name": name, "size": filesizeformat(unpacked)}
        )


def _protected(name: str) -> str:
    return _(
        "“%(name)s” is protected with a password. In Excel choose File > Info > Protect Workbook, "
        "remove the password, save, and upload it again."
    ) % {"name": name}


def _save_as_xlsx(name: str, kind: str) -> str:
    return _("“%(name)s” is %(kind)s. Open it in Excel, choose Save As > Excel Workbook (.xlsx) and upload that.") % {
        "name": name,
        "kind": kind,
    }


def _ole_complaint(file: IO[bytes], header: bytes, name: str) -> str:
    """Old Office files and encrypted new ones share a container; its directory tells them apart ([MS-CFB] 2.2, 2.6)."""
    sector = 1 << min(int.from_bytes(header[30:32], "little"), 20)
    file.seek((int.from_bytes(header[48:52], "little") + 1) * sector)
    directory = file.read(16 * 1024)
    return _protected(name) if ENCRYPTED_STREAM in directory else _save_as_xlsx(name, _("an old Excel file (.xls)"))


def _other_office_complaint(parts: set[str], name: str) -> str:
    if "xl/workbook.bin" in parts:
        return _save_as_xlsx(name, _("a binary Excel file (.xlsb)"))
    if "content.xml" in parts:
        return _save_as_xlsx(name, _("an OpenDocument file"))
    return _save_as_xlsx(name, _("no Excel sheet, although its name may say so"))


def _other_complaint(start: bytes, name: str) -> str:
    for magic, kind in OTHER_KINDS.items():
        if start.lower().startswith(magic.lower()):
            return _save_as_xlsx(name, _("no Excel sheet but a %(kind)s file") % {"kind": kind})
    if b"\0" not in start or start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return _save_as_xlsx(name, _("no Excel sheet but plain text, such as CSV"))
    return _save_as_xlsx(name, _("no Excel sheet, although its name may say so"))


def measure(file: IO[bytes], name: str) -> int:
    """Reads every part of a checked upload once, and gives the row number of the last row in use.

    Raises `SheetError` for a part that is damaged or larger than declared, and for cells too far out.
    """
    last_row = 0
    try:
        with zipfile.ZipFile(file) as archive:
            for part in archive.infolist():
                row, column = _last_cell(archive, part, _REFERENCE)
                if _is_too_far(row, column):
                    row, column = _last_cell(archive, part, _REFERENCE_IN_TAG)
                if _is_too_far(row, column):
                    raise SheetError(_too_far(name, row, column))
                last_row = max(last_row, row)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, zlib.error) as error:
        raise SheetError(damaged(name)) from error
    return last_row


def _is_too_far(row: int, column: int) -> bool:
    return row > settings.UPLOAD_MAX_ROWS + 1 or column > MOST_COLUMNS or row * column > MOST_CELLS


def _too_far(name: str, row: int, column: int) -> str:
    if column <= MOST_COLUMNS and row > settings.UPLOAD_MAX_ROWS + 1:
        return _("“%(name)s” has %(rows)s rows; at most %(most)s can be read. Split the list into several files.") % {
            "name": name,
            "rows": intcomma(row - 1),
            "most": intcomma(settings.UPLOAD_MAX_ROWS),
        }
    return _(
        "“%(name)s” has cells as far out as %(cell)s; a list may have %(columns)s columns. In Excel press Ctrl+End "
        "to find them, delete the columns and rows outside of the list, save, and upload it again."
    ) % {"name": name, "cell": f"{letter(column - 1)}{row}", "columns": MOST_COLUMNS}


def _last_cell(archive: zipfile.ZipFile, part: zipfile.ZipInfo, pattern: re.Pattern[bytes]) -> tuple[int, int]:
    """The last row and the last column that a part refers to, counted from 1; zeros where it refers to none."""
    last_row = last_column = 0
    with archive.open(part) as content:
        before = b""
        while chunk := content.read(1024 * 1024):
            text = before + chunk
            before = text[-_LONGEST_REFERENCE:]
            found = b" ".join(pattern.findall(text))
            last_row = max([last_row, *map(_number, set(found.translate(None, _LETTERS).split()))])
            last_column = max([last_column, *map(_column, set(found.translate(None, _DIGITS).split()))])
    return last_row, last_column


def _number(digits: bytes) -> int:
    return int(digits[:10])


def _column(letters: bytes) -> int:
    number = 0
    for sign in letters.upper()[:5]:
        number = number * 26 + sign - ord("A") + 1
    return number
