"""The beginning of a large workbook as a small one, so that an upload can be looked at while somebody waits.

Worksheets are cut behind a row, and the table of texts behind the last one that these rows need.
"""

import io
import re
import zipfile
from typing import IO, Final

from contacts.uploads import BROKEN_ZIP, ODS, XLSX

SHEET_BYTES = 192 * 1024  # unpacked, of each worksheet: some hundred rows
ODS_BYTES = 1024 * 1024  # its rows are wordier, and its worksheets stand in one part
TEXTS_BYTES = 4 * 1024 * 1024
OTHER_BYTES = 1024 * 1024  # of each part that describes the workbook
MOST_SHEETS = 40  # that are looked into
WORTH_CUTTING = 512 * 1024  # unpacked: smaller ones are taken whole

_DESCRIPTIONS: Final = re.compile(
    r"\[content_types\]\.xml|_rels/\.rels|xl/(?:_rels/)?workbook\.xml(?:\.rels)?|xl/styles\.xml|mimetype|meta-inf/manifest\.xml"
)
_WORKSHEET: Final = re.compile(r"xl/worksheets/[^/]+\.xml")
_END_OF_ROW: Final = re.compile(rb"</((?:\w+:)?)row\s*>")
_END_OF_TEXT: Final = re.compile(rb"</((?:\w+:)?)si\s*>")
_TEXT_NUMBER: Final = re.compile(rb"=[\"']s[\"'][^<>]*><(?:\w+:)?v>([0-9]{1,7})<")
_END_OF_ODS_ROW: Final = b"</table:table-row>"
_END_OF_ODS: Final = b"</table:table></office:spreadsheet></office:body></office:document-content>"
_NO_ROWS: Final = (
    b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData></sheetData></worksheet>'
)


def beginning_of(file: IO[bytes], kind: str) -> IO[bytes] | None:
    """The file itself where it is small, else a small one with the same first rows; None where none can be made."""
    try:
        with zipfile.ZipFile(file) as archive:
            if sum(part.file_size for part in archive.infolist()) <= WORTH_CUTTING:
                return file
            return _cut(archive, kind)
    except BROKEN_ZIP:
        return None


def _cut(archive: zipfile.ZipFile, kind: str) -> IO[bytes] | None:
    result = io.BytesIO()
    sheets = 0
    numbers: list[int] = []
    texts: zipfile.ZipInfo | None = None
    with zipfile.ZipFile(result, "w", zipfile.ZIP_STORED) as small:
        for about in archive.infolist():
            path = about.filename.casefold()
            if kind == XLSX and _WORKSHEET.fullmatch(path):
                sheets += 1
                rows = _cut_rows(archive, about) if sheets <= MOST_SHEETS else _NO_ROWS
                if rows is None:
                    return None
                numbers.extend(map(int, _TEXT_NUMBER.findall(rows)))
                small.writestr(about.filename, rows)
            elif kind == XLSX and path == "xl/sharedstrings.xml":
                texts = about
            elif kind == ODS and path == "content.xml":
                small.writestr(about.filename, _cut_ods(archive, about))
            elif _DESCRIPTIONS.fullmatch(path):
                if about.file_size > OTHER_BYTES:
                    return None
                small.writestr(about.filename, archive.read(about))
        if texts is not None:
            kept = _cut_texts(archive, texts, max(numbers, default=-1) + 1)
            if kept is None:
                return None
            small.writestr(texts.filename, kept)
    return result


def _start(archive: zipfile.ZipFile, about: zipfile.ZipInfo, most: int) -> bytes:
    with archive.open(about) as content:
        return content.read(most)


def _cut_rows(archive: zipfile.ZipFile, about: zipfile.ZipInfo) -> bytes | None:
    start = _start(archive, about, SHEET_BYTES)
    if len(start) == about.file_size:
        return start
    last = None
    for last in _END_OF_ROW.finditer(start):  # noqa: B007  the last one is wanted
        pass
    if last is None:
        return None
    return start[: last.end()] + b"</%ssheetData></%sworksheet>" % (last[1], last[1])


def _cut_texts(archive: zipfile.ZipFile, about: zipfile.ZipInfo, wanted: int) -> bytes | None:
    """As many texts as are wanted; None where they stand too far down. Excel writes them in the order of the cells."""
    start = _start(archive, about, TEXTS_BYTES)
    if len(start) == about.file_size:
        return start
    for number, match in enumerate(_END_OF_TEXT.finditer(start), start=1):
        if number >= wanted:
            return start[: match.end()] + b"</%ssst>" % match[1]
    return None


def _cut_ods(archive: zipfile.ZipFile, about: zipfile.ZipInfo) -> bytes:
    start = _start(archive, about, ODS_BYTES)
    end = start.rfind(_END_OF_ODS_ROW)
    if len(start) == about.file_size or end < 0:
        return start
    return start[: end + len(_END_OF_ODS_ROW)] + _END_OF_ODS
