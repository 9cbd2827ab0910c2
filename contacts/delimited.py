"""CSV files as all kinds of programs write them: which encoding, which delimiter, and their rows.

A file that is UTF-8 throughout is UTF-8. Else its bytes are judged by the lines that have any outside of ASCII.
"""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO, Final

from charset_normalizer import from_bytes
from django.conf import settings
from django.utils.translation import gettext as _

from contacts.cells import Cell
from contacts.limits import LONGEST_CELL, MOST_COLUMNS, too_far
from contacts.sheet_errors import SheetError

CHUNK = 1024 * 1024
JUDGED_BYTES = 64 * 1024  # of lines with signs outside of ASCII
JUDGED_ROWS = 50
LONGEST_LINE = 1024 * 1024  # signs
DELIMITERS: Final = (",", ";", "\t", "|")
BYTE_ORDER_MARKS: Final = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",  # before UTF-16, whose mark is its beginning
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# What Excel and the systems of our languages' countries write, the Windows form of each; in order of likelihood.
OLD_ENCODINGS: Final = (
    "cp1252",
    "gb18030",
    "cp932",
    "cp1251",
    "cp1250",
    "big5",
    "cp1256",
    "cp1254",
    "cp1253",
)

# The signs of Portuguese, Spanish, French, German and their like: Windows-1252 where nothing else occurs.
_WESTERN: Final = frozenset("áàâãäåæçéèêëíîïñóôõöøúûüýÿßÁÀÂÃÄÅÆÇÉÈÊËÍÎÏÑÓÔÕÖØÚÛÜ¿¡ºª°€£´’‘“”–—…•·«»©®\xa0")
_WORD_OUTSIDE_ASCII = re.compile(rb"[A-Za-z\x80-\xff]*[\x80-\xff][A-Za-z\x80-\xff]*")
_NOT_ASCII = re.compile(rb"[^\n]*[\x80-\xff][^\n]*")
_STATED_DELIMITER = re.compile(r"sep=(.)\r?\n?", re.IGNORECASE)
_TEXT_AS_FORMULA = re.compile(r'="(.*)"', re.DOTALL)  # ="0812": how some programs keep Excel from making it a number
_SENTINEL = "\x1fend of the file\x1f"  # stands in a row of its own unless a quotation mark is still open before it


@dataclass(frozen=True)
class Delimited:
    """A CSV file as a table. `last_row` counts records, as Excel would."""

    name: str
    last_row: int
    file: IO[bytes]
    encoding: str
    delimiter: str
    width: int  # of the header
    records: int  # as far as they were checked

    def iter_rows(self) -> Iterator[list[Cell]]:
        for row in islice(_records(self.file, self.encoding, self.delimiter, whole=False), self.records):
            cells = [_cell(text) for text in row]
            yield cells + [""] * (self.width - len(cells))


def open_delimited(file: IO[bytes], name: str, *, first_rows: int | None = None) -> Delimited:
    """Raises `SheetError` for what is no table. Reads the whole file once, or as much as `first_rows` take."""
    if first_rows is not None:
        file = io.BytesIO(_beginning(file))
    encoding = encoding_of(file)
    delimiter = _delimiter_of(file, encoding)
    number = last_row = widest = width = 0
    records = _records(file, encoding, delimiter, whole=first_rows is None)
    try:
        for number, row in enumerate(islice(records, first_rows), start=1):
            if row and any(row):
                last_row = number
                width = width or len(row)
                widest = max(widest, len(row))
            if last_row > settings.UPLOAD_MAX_ROWS + 1 or widest > MOST_COLUMNS:
                raise SheetError(too_far(name, number, widest))
    except csv.Error as error:
        raise SheetError(_open_quotation(name, number + 1)) from error
    return Delimited("CSV", last_row, file, encoding, delimiter, width, number)


def encoding_of(file: IO[bytes]) -> str:
    """The name of the encoding, for Python. Never fails: bytes that fit nothing are read as Windows-1252."""
    file.seek(0)
    start = file.read(4096)
    for mark, encoding in BYTE_ORDER_MARKS.items():
        if start.startswith(mark):
            return encoding
    if wide := wide_encoding(start):
        return wide
    return "utf-8" if _is_utf8(file) else _old_encoding(file)


def wide_encoding(start: bytes) -> str:
    """UTF-16 without a mark: every other byte of its commas, digits and line ends is zero."""
    even, odd = start[::2].count(0), start[1::2].count(0)
    if max(even, odd) * 5 < len(start) or min(even, odd) * 4 > max(even, odd):
        return ""
    return "utf-16-be" if even > odd else "utf-16-le"


def _is_utf8(file: IO[bytes]) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()  # a sign cut off at the end is no reason to doubt the rest
    file.seek(0)
    try:
        while chunk := file.read(CHUNK):
            decoder.decode(chunk)
    except UnicodeDecodeError:
        return False
    return True


def _old_encoding(file: IO[bytes]) -> str:
    telling = b"".join(islice(_lines_outside_ascii(file), 2000))[:JUDGED_BYTES]
    if _is_western(telling):
        return "cp1252"
    possible = [encoding for encoding in OLD_ENCODINGS if _decodes(telling, encoding)]
    best = from_bytes(telling, cp_isolation=possible, enable_fallback=False).best() if possible else None
    return best.encoding if best is not None else (possible or ["cp1252"])[0]


def _is_western(text: bytes) -> bool:
    """Whether the letters outside of ASCII stand among ASCII ones, as accented ones do, and are those of the West."""
    words = b"".join(_WORD_OUTSIDE_ASCII.findall(text))
    outside = words.translate(None, bytes(range(128)))
    return len(words) >= 2 * len(outside) and set(outside.decode("cp1252", "replace")) <= _WESTERN


def _lines_outside_ascii(file: IO[bytes]) -> Iterator[bytes]:
    file.seek(0)
    while chunk := file.read(CHUNK):
        for match in _NOT_ASCII.finditer(chunk):
            yield match[0][-1000:] + b"\n"


def _decodes(text: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(text)
    except UnicodeDecodeError:
        return False
    return True


def _beginning(file: IO[bytes]) -> bytes:
    """The first lines, without one that is cut in two."""
    file.seek(0)
    start = file.read(CHUNK)
    if len(start) < CHUNK:
        return start
    width = 4 if start[:4] in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE) else 2
    end = start.rfind(b"\n")
    return start[: (end // width * width + width) if end > 0 else len(start)]


def _delimiter_of(file: IO[bytes], encoding: str) -> str:
    """The one that is stated, else of those that cut the header the one that cuts most of the first rows into the same
    number of cells."""
    file.seek(0)
    text = _text(file, encoding).read(CHUNK // 4)
    if stated := _STATED_DELIMITER.match(text):
        return stated[1]
    return max(DELIMITERS, key=lambda delimiter: _agreement(text, delimiter))


def _agreement(text: str, delimiter: str) -> tuple[bool, int, int]:
    """Whether the header has several cells, how many rows have the commonest width above one, and that width."""
    try:
        rows = csv.reader(io.StringIO(text.replace("\0", ""), newline=""), delimiter=delimiter)
        found = [len(row) for row in islice((row for row in rows if row), JUDGED_ROWS)]
    except csv.Error:
        return (False, 0, 0)
    width, times = max(Counter(found).items(), key=lambda each: (each[0] > 1, each[1]), default=(0, 0))
    return (found[0] > 1, times, width) if width > 1 else (False, 0, 0)


def _text(file: IO[bytes], encoding: str) -> io.TextIOWrapper:
    """The file as text. Closing it leaves the file open."""
    file.seek(0)
    return io.TextIOWrapper(io.BufferedReader(_Kept(file), CHUNK), encoding=encoding, errors="replace", newline="")


class _Kept(io.RawIOBase):
    """Reads a file that others go on using."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        found = self._file.read(len(buffer))
        buffer[: len(found)] = found
        return len(found)


def _records(file: IO[bytes], encoding: str, delimiter: str, *, whole: bool = True) -> Iterator[list[str]]:
    """The rows of the file; a statement of the delimiter is an empty one. Raises `csv.Error` for a cell without end."""
    lines = _lines(_text(file, encoding))
    first = next(lines, "")
    if _STATED_DELIMITER.fullmatch(first):
        yield []
        first = next(lines, "")
    for row in csv.reader(chain([first], lines, [_SENTINEL]), delimiter=delimiter):
        if row and row[-1].endswith(_SENTINEL):
            if row != [_SENTINEL] and whole:
                raise csv.Error("a quotation mark is never closed")
            return
        yield row


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise csv.Error("a line is too long")
        yield line.replace("\0", "")


def _cell(text: str) -> str:
    if text.startswith('="') and (match := _TEXT_AS_FORMULA.fullmatch(text)):
        return match[1]
    return text


def _open_quotation(name: str, row: int) -> str:
    return _(
        "“%(name)s” has a cell without end in row %(row)s or after it: more than %(most)s signs, or a quotation mark "
        "that is never closed. Correct it and upload the file again."
    ) % {"name": name, "row": row, "most": LONGEST_CELL}
