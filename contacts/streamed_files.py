"""Tables as csv and xlsx files that are written while they are sent: a million rows take no more memory than a few thousand.

A row is a list of texts. Both kinds keep texts texts: what looks like a formula is none, and numbers keep their plus.
"""

import csv
import io
import zipfile
from collections.abc import AsyncIterator, Iterator, Sequence
from html import escape
from typing import Final

from asgiref.sync import sync_to_async
from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from contacts.exports import CONTENT_TYPES, CSV, FORMULA_BEGINS, LONGEST_CELL, XLSX

MOST_ROWS_OF_A_WORKBOOK: Final = 1_048_575  # Excel's, less the header
ROWS_A_PIECE: Final = 2_000
Rows = Iterator[Sequence[str]]


def respond(rows: Rows, *, file_type: str, name: str) -> HttpResponseBase:
    """The rows, the first of which is the header, as a download."""
    pieces = (csv_pieces if file_type == CSV else xlsx_pieces)(rows)
    response = StreamingHttpResponse(_off_the_loop(pieces), content_type=CONTENT_TYPES[file_type])
    response["Content-Disposition"] = content_disposition_header(True, f"{name}.{file_type}") or "attachment"
    response["X-Accel-Buffering"] = "no"
    return response


async def _off_the_loop(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Of an iterator that is not asynchronous, an ASGI server would first read all."""
    while piece := await sync_to_async(lambda: next(pieces, b""))():
        yield piece


def csv_pieces(rows: Rows) -> Iterator[bytes]:
    """With a byte order mark, without which Excel reads UTF-8 as something else."""
    buffer = io.StringIO("\ufeff", newline="")
    buffer.seek(0, io.SEEK_END)
    writer = csv.writer(buffer)
    for number, row in enumerate(rows, 1):
        writer.writerow([_no_formula(text) for text in row])
        if number % ROWS_A_PIECE == 0:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    if rest := buffer.getvalue():
        yield rest.encode()


def _no_formula(text: str) -> str:
    """A phone number begins with a plus and computes nothing."""
    return f"'{text}" if text.startswith(FORMULA_BEGINS) and not (text[0] == "+" and text[1:].isdecimal()) else text


# -- xlsx: a zip of a few fixed parts and one sheet, whose rows are packed as they come --

_RELATIONSHIPS = "http://schemas.openxmlformats.org/package/2006/relationships"
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml"
_PARTS: Final = {
    "[Content_Types].xml": f'{_HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="xml" ContentType="application/xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_WORKBOOK}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_WORKBOOK}.worksheet+xml"/></Types>',
    "_rels/.rels": f'{_HEAD}<Relationships xmlns="{_RELATIONSHIPS}">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'{_HEAD}<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}"><sheets>'
    '<sheet name="1" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'{_HEAD}<Relationships xmlns="{_RELATIONSHIPS}">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}
_SHEET_BEGIN = (
    f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetViews><sheetView workbookViewId="0">'
    '<pane ySplit="1" topLeftCell="A2" activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>'
)
_SHEET_END = "</sheetData></worksheet>"


class _Sink(io.RawIOBase):
    """What a zip is written to that nobody can go back in."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.pieces.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        taken, self.pieces = b"".join(self.pieces), []
        return taken


def xlsx_pieces(rows: Rows) -> Iterator[bytes]:
    """A workbook with one sheet. Libraries write it to the end before its first byte can be sent."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as book:
        for name, text in _PARTS.items():
            book.writestr(name, text)
        with book.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(_SHEET_BEGIN.encode())
            written: list[str] = []
            for number, row in enumerate(rows, 1):
                written.append(f"<row>{''.join(_cell(text) for text in row)}</row>")
                if number % ROWS_A_PIECE == 0:
                    sheet.write("".join(written).encode())
                    written.clear()
                    if piece := sink.take():
                        yield piece
            sheet.write(("".join(written) + _SHEET_END).encode())
    yield sink.take()


def _cell(text: str) -> str:
    if not text:
        return "<c/>"
    shown = escape(ILLEGAL_CHARACTERS_RE.sub("", text)[:LONGEST_CELL], quote=False)
    return f'<c t="inlineStr"><is><t xml:space="preserve">{shown}</t></is></c>'


__all__ = ["CSV", "MOST_ROWS_OF_A_WORKBOOK", "XLSX", "csv_pieces", "respond", "xlsx_pieces"]
