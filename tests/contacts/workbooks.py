"""Workbooks, good and bad, as people upload them."""

import io
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

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


def upload(content: bytes, name: str = "list.xlsx") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content)


def customers() -> SimpleUploadedFile:
    return upload(CUSTOMERS.read_bytes(), "customers_1000.xlsx")
