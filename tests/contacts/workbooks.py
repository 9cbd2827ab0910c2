"""Workbooks, good and bad, as people upload them."""

import io
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import xlwt
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from openpyxl import Workbook

CUSTOMERS = settings.BASE_DIR / "whatsapp_automation" / "demo_data" / "customers_1000.xlsx"
PROTECTED = Path(__file__).parent / "files" / "protected.xlsx"  # made with msoffcrypto-tool; the password is "secret"


def workbook(*rows: Iterable[Any], change: Callable[[Workbook], None] | None = None) -> bytes:
    """An .xlsx with these rows in its first worksheet; `change` may do more to it."""
    book = Workbook()
    for row in rows:
        book.worksheets[0].append(list(row))
    if change:
        change(book)
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def people(count: int) -> bytes:
    """`count` people under the headers Name, Phone and City."""
    return workbook(
        ("Name", "Phone", "City"),
        *((f"Person {index}", f"0812{index + 1:08}", "Medan") for index in range(count)),
    )


def with_parts(content: bytes, **parts: bytes) -> bytes:
    """The same zip with parts added or replaced; `__` in a name stands for `/`, and `_dot_` for `.`."""
    given = {name.replace("__", "/").replace("_dot_", "."): data for name, data in parts.items()}
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as new:
        for part in old.infolist():
            if part.filename not in given:
                new.writestr(part, old.read(part))
        for name, data in given.items():
            new.writestr(name, data)
    return file.getvalue()


def with_table_of_texts(content: bytes) -> bytes:
    """The same workbook with its texts in a table of their own, as Excel writes them."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        types, relations = (archive.read(part) for part in ("[Content_Types].xml", "xl/_rels/workbook.xml.rels"))
    texts: dict[str, int] = {}
    shared = re.sub(
        r't="inlineStr"([^>]*)><is>(.*?)</is>',
        lambda found: f't="s"{found[1]}><v>{texts.setdefault(found[2], len(texts))}</v>',
        sheet,
        flags=re.DOTALL,
    )
    table = f'<sst xmlns="{MAIN}">{"".join(f"<si>{text}</si>" for text in texts)}</sst>'
    return with_parts(
        content,
        xl__worksheets__sheet1_dot_xml=shared.encode(),
        xl__sharedStrings_dot_xml=table.encode(),
        **{
            "[Content_Types]_dot_xml": types.replace(b"</Types>", SHARED_TYPE + b"</Types>"),
            "xl___rels__workbook_dot_xml_dot_rels": relations.replace(
                b"</Relationships>", SHARED_RELATION + b"</Relationships>"
            ),
        },
    )


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
SHARED_TYPE = (
    b'<Override PartName="/xl/sharedStrings.xml" '
    b'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sharedStrings+xml"/>'
)
SHARED_RELATION = (
    b'<Relationship Id="rIdTexts" Target="sharedStrings.xml" '
    b'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings"/>'
)


def upload(content: bytes, name: str = "list.xlsx") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def customers() -> SimpleUploadedFile:
    return upload(CUSTOMERS.read_bytes(), "customers_1000.xlsx")


Sheets = Mapping[str, Sequence[Sequence[Any]]]


def old_workbook(sheets: Sheets) -> bytes:
    """An .xls of Excel 97 with these worksheets."""
    book = xlwt.Workbook()
    day = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for name, rows in sheets.items():
        sheet = book.add_sheet(name)
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                sheet.write(row, column, cell, *([day] if isinstance(cell, date) else []))
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def open_document(sheets: Sheets) -> bytes:
    """An .ods with these worksheets, its parts as LibreOffice names them."""
    tables = "".join(
        f'<table:table table:name="{escape(name)}">{"".join(map(_ods_row, rows))}</table:table>'
        for name, rows in sheets.items()
    )
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet", zipfile.ZIP_STORED)
        archive.writestr("content.xml", ODS_CONTENT % tables)
        archive.writestr("META-INF/manifest.xml", ODS_MANIFEST)
    return file.getvalue()


def _ods_row(cells: Sequence[Any]) -> str:
    return f"<table:table-row>{''.join(map(_ods_cell, cells))}</table:table-row>"


def _ods_cell(cell: Any) -> str:
    if isinstance(cell, date):
        value = f'office:value-type="date" office:date-value="{cell.isoformat()}"'
    elif isinstance(cell, int | float):
        value = f'office:value-type="float" office:value="{cell}"'
    else:
        value = 'office:value-type="string"'
    return f"<table:table-cell {value}><text:p>{escape(str(cell))}</text:p></table:table-cell>"


ODS_CONTENT = (
    '<?xml version="1.0" encoding="UTF-8"?><office:document-content'
    ' xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
    ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
    ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" office:version="1.3">'
    "<office:body><office:spreadsheet>%s</office:spreadsheet></office:body></office:document-content>"
)
ODS_MANIFEST = (
    '<?xml version="1.0" encoding="UTF-8"?>'
    '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
    '<manifest:file-entry manifest:full-path="/" '
    'manifest:media-type="application/vnd.oasis.opendocument.spreadsheet"/></manifest:manifest>'
)
