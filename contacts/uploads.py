"""What an uploaded file is, judged by its content and never by its name, and whether it may be opened.

`check_upload` reads the first bytes and the table of contents only: milliseconds, whatever the size. `measure` reads
all of an .xlsx once, because calamine keeps a place for every cell up to the last one: a file of 5 KB with a cell in
the far corner would end the process.
"""

import codecs
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

from contacts.delimited import wide_encoding
from contacts.limits import MOST_COLUMNS, too_far
from contacts.sheet_errors import SheetError, damaged, protected, save_as_xlsx

XLSX, XLS, ODS, CSV = "xlsx", "xls", "ods", "csv"

MOST_UNPACKED = 1024**3  # bytes
MOST_TIMES_SMALLER = 200  # sheets pack to a tenth, very uniform ones to a fiftieth
HARMLESS_UNPACKED = 20 * 1024**2  # bytes, however well they packed
MOST_CONTENTS = 1024**2  # bytes of a zip's table of contents; a workbook's takes a few thousand
MOST_CELLS = 10_000_000  # places that calamine may keep
BYTES_A_CELL = 32

ZIP, OLE = b"PK", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
WORKBOOK_STREAMS = ("Workbook".encode("utf-16-le"), "Book".encode("utf-16-le"))
MACRO_STREAM = "_VBA_PROJECT".encode("utf-16-le")
ODS_TYPE = b"application/vnd.oasis.opendocument.spreadsheet"
MOST_CONTROL_SIGNS, SOME_CONTROL_SIGNS = 0.02, 8  # the share of control bytes up to which something is taken for text
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
    b"\x1f\x8b": "GZIP",
    b"Rar!": "RAR",
    b"7z\xbc\xaf": "7-Zip",
}

# What `zipfile` raises for archives that are none.
BROKEN_ZIP = (
    *(zipfile.BadZipFile, zlib.error, struct.error, lzma.LZMAError, EOFError, OSError),
    *(NotImplementedError, RuntimeError, ValueError, OverflowError, KeyError),
)
# In a worksheet only tags of cells and rows have an attribute `r`; text that looks like one is told apart if it matters.
_REFERENCE = re.compile(rb"\sr\s*=\s*[\"']([A-Za-z]*[0-9]+)[\"']")
_REFERENCE_OF_FILLED_CELL = re.compile(
    rb"<(?:\w+:)?c\b[^<>]*?\sr\s*=\s*[\"']([A-Za-z]*[0-9]+)[\"'](?:[^<>]*[^<>/])?>(?!</(?:\w+:)?c>)"
)
_PREFIXED_TAG = re.compile(rb"<\w+:(?:c|row)\b")
_MARKS_OF_OWN_TEXTS = (b"inlineStr", b'="str"', b"='str'")
PIECE = 1024 * 1024
LONGEST_TAG = 64 * 1024  # bytes
_LETTERS = bytes(range(ord("A"), ord("Z") + 1)) + bytes(range(ord("a"), ord("z") + 1))
_DIGITS = b"0123456789"


def check_upload(file: IO[bytes], name: str) -> str:
    """The kind of file: XLSX, XLS, ODS or CSV. Raises `SheetError` for what is none of these, or protected, or with
    macros, or too large."""
    size = file.seek(0, 2)
    file.seek(0)
    start = file.read(4096)
    file.seek(0)
    if not size:
        raise SheetError(_("“%(name)s” is empty. Check the file and upload it again.") % {"name": name})
    if size > settings.UPLOAD_MAX_BYTES:
        raise SheetError(
            _("“%(name)s” has %(size)s; at most %(most)s can be uploaded. Split the list into several files.")
            % {"name": name, "size": filesizeformat(size), "most": filesizeformat(settings.UPLOAD_MAX_BYTES)}
        )
    if start.startswith(OLE):
        _check_ole(file, start, name)
        return XLS
    if not start.startswith(ZIP):
        _check_text(start, name)
        return CSV
    try:
        parts = _contents(file, size)
        return _check_contents(file, parts, name)
    except SheetError:
        raise
    except BROKEN_ZIP as error:
        raise SheetError(damaged(name)) from error


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


def _check_contents(file: IO[bytes], parts: list[zipfile.ZipInfo], name: str) -> str:
    names = {part.filename.casefold() for part in parts}
    if any(part.flag_bits & 1 for part in parts):
        raise SheetError(protected(name))
    if len(names) != len(parts):  # two parts of one name: two programs would read two different workbooks
        raise SheetError(damaged(name))
    if any(part.endswith("vbaproject.bin") or part.startswith("xl/macrosheets/") for part in names):
        raise SheetError(_macros(name))
    kind = XLSX if "xl/workbook.xml" in names else _kind_of_other(file, names, name)
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
    return kind


def _macros(name: str) -> str:
    return _(
        "“%(name)s” contains macros. In Excel choose File > Save As > Excel Workbook (.xlsx) and upload that."
    ) % {"name": name}


def _check_ole(file: IO[bytes], header: bytes, name: str) -> None:
    """Old Office files and encrypted new ones share a container; its directory tells them apart ([MS-CFB] 2.2, 2.6)."""
    sector = 1 << min(int.from_bytes(header[30:32], "little"), 20)
    file.seek((int.from_bytes(header[48:52], "little") + 1) * sector)
    directory = file.read(16 * 1024)
    file.seek(0)
    if ENCRYPTED_STREAM in directory:
        raise SheetError(protected(name))
    if MACRO_STREAM in directory:
        raise SheetError(_macros(name))
    if not any(stream in directory for stream in WORKBOOK_STREAMS):
        raise SheetError(save_as_xlsx(name, _("no Excel sheet, although its name may say so")))


def _kind_of_other(file: IO[bytes], parts: set[str], name: str) -> str:
    if "xl/workbook.bin" in parts:
        raise SheetError(save_as_xlsx(name, _("a binary Excel file (.xlsb)")))
    if not {"content.xml", "mimetype"} <= parts:
        raise SheetError(save_as_xlsx(name, _("no Excel sheet, although its name may say so")))
    with zipfile.ZipFile(file) as archive:
        if archive.read("mimetype").strip() != ODS_TYPE:
            raise SheetError(save_as_xlsx(name, _("an OpenDocument file, but no spreadsheet")))
        manifest = archive.read("META-INF/manifest.xml") if "meta-inf/manifest.xml" in parts else b""
    if b"encryption-data" in manifest:
        raise SheetError(protected(name))
    return ODS


def _check_text(start: bytes, name: str) -> None:
    for magic, kind in OTHER_KINDS.items():
        if start.lower().startswith(magic.lower()):
            raise SheetError(save_as_xlsx(name, _("no Excel sheet but a %(kind)s file") % {"kind": kind}))
    is_wide = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE))
    control = sum(byte < 32 and byte not in b"\t\n\r\f\v\x1a\x1b" for byte in start)
    if control > MOST_CONTROL_SIGNS * len(start) + SOME_CONTROL_SIGNS and not is_wide and not wide_encoding(start):
        raise SheetError(save_as_xlsx(name, _("no Excel sheet, although its name may say so")))


@dataclass
class Measured:
    """What was found in an .xlsx. `bytes_to_keep` is the most that its cells can take in memory."""

    bytes_to_keep: int
    is_plain: bool  # every row and cell says where it stands, and none is far out


@dataclass
class _Part:
    """What one part of the zip holds. Rows and columns are counted from 1, and 0 where there is none."""

    last_row: int = 0
    last_column: int = 0
    is_worksheet: bool = False
    tags: int = 0  # of rows and cells
    tags_with_place: int = 0
    shared_texts: int = 0  # cells whose text stands in the table of texts
    has_own_texts: bool = False
    longest_text: int = 0  # bytes between the ends of two texts of that table

    @property
    def is_too_far(self) -> bool:
        is_far = self.last_row > settings.UPLOAD_MAX_ROWS + 1 or self.last_column > MOST_COLUMNS
        return is_far or self.last_row * self.last_column > MOST_CELLS


def measure(file: IO[bytes], name: str) -> Measured:
    """Reads every part of a checked .xlsx once. Raises `SheetError` for a part that is damaged or larger than declared,
    and for cells too far out."""
    try:
        with zipfile.ZipFile(file) as archive:
            parts = [(about.file_size, *_look_at(archive, about, name)) for about in archive.infolist()]
    except SheetError:
        raise
    except BROKEN_ZIP as error:
        raise SheetError(damaged(name)) from error
    longest = max((part.longest_text for _size, part, _plain in parts), default=0)
    kept = 0
    for size, part, _is_plain in parts:
        kept += part.last_row * part.last_column * BYTES_A_CELL + part.shared_texts * longest
        kept += size * (part.has_own_texts + 2 * bool(part.longest_text))
    return Measured(kept, all(is_plain for _size, _part, is_plain in parts))


def _look_at(archive: zipfile.ZipFile, about: zipfile.ZipInfo, name: str) -> tuple[_Part, bool]:
    part = _look_through(archive, about, _REFERENCE)
    if not part.is_too_far:
        return part, not part.is_worksheet or part.tags == part.tags_with_place
    part = _look_through(archive, about, _REFERENCE_OF_FILLED_CELL)  # those were empty cells, or text like a place
    if part.is_too_far:
        raise SheetError(too_far(name, part.last_row, part.last_column))
    return part, False


def _look_through(archive: zipfile.ZipFile, about: zipfile.ZipInfo, pattern: re.Pattern[bytes]) -> _Part:
    part = _Part()
    since_text = 0
    for text in _whole_tags(archive, about):
        references = pattern.findall(text)
        found = b" ".join(references)
        part.last_row = max([part.last_row, *map(_number, set(found.translate(None, _LETTERS).split()))])
        part.last_column = max([part.last_column, *map(_column, set(found.translate(None, _DIGITS).split()))])
        part.tags_with_place += len(references)
        part.is_worksheet = part.is_worksheet or b"sheetData" in text
        part.tags += _tags_with_place(text)
        part.shared_texts += text.count(b'="s"') + text.count(b"='s'")
        part.has_own_texts = part.has_own_texts or any(mark in text for mark in _MARKS_OF_OWN_TEXTS)
        first, *others = text.split(b"</si>")
        if others:
            part.longest_text = max(part.longest_text, since_text + len(first), *map(len, others))
        since_text = len(others[-1]) if others else since_text + len(first)
    if part.longest_text:
        part.longest_text = max(part.longest_text, since_text)
    return part


def _tags_with_place(text: bytes) -> int:
    """How many rows and cells begin here, by counting, which is faster than matching. Rare other tags may count too."""
    cells = text.count(b"<c") - sum(map(text.count, (b"<co", b"<cf", b"<cu", b"<ce")))
    rows = text.count(b"<row") - text.count(b"<rowB")
    prefixed = len(_PREFIXED_TAG.findall(text)) if b":c" in text or b":row" in text else 0
    return cells + rows + prefixed


def _whole_tags(archive: zipfile.ZipFile, about: zipfile.ZipInfo) -> Iterator[bytes]:
    """A part in pieces that cut no tag in two. Raises `BadZipFile` for a tag that is absurdly long."""
    with archive.open(about) as content:
        begun = b""
        while chunk := content.read(PIECE):
            text = begun + chunk
            last = text.rfind(b"<")
            begun = text[last:] if last > text.rfind(b">") else b""
            if len(begun) > LONGEST_TAG:
                raise zipfile.BadZipFile("a tag without end")
            yield text[: len(text) - len(begun)]
        yield begun


def _number(digits: bytes) -> int:
    return int(digits[:10])


def _column(letters: bytes) -> int:
    number = 0
    for sign in letters.upper()[:5]:
        number = number * 26 + sign - ord("A") + 1
    return number
