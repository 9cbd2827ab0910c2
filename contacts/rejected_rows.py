"""The rows that an import left out, as a workbook: as they were, with the reason beside each, to mend and upload again."""

import tempfile
from collections.abc import Iterator
from typing import IO, Any

from django.http import FileResponse
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from contacts import queries
from contacts.models import ImportedRow, ListImport

AT_A_TIME = 2000  # rows fetched
CONTENT_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def workbook(list_import: ListImport) -> IO[bytes]:
    """An .xlsx, open at its beginning. All cells are text: what looks like a formula is none."""
    book = Workbook(write_only=True)
    page: Any = book.create_sheet(_("Rejected rows")[:31])
    headers = [str(column.get("header", "")) for column in list_import.columns]
    for place, width in ((len(headers) + 1, 60), (len(headers) + 2, 10)):
        page.column_dimensions[get_column_letter(place)].width = width
    page.freeze_panes = "A2"
    page.append([_text(page, name, is_bold=True) for name in (*headers, _("Why it is left out"), _("Row"))])
    for row in _rows(list_import):
        cells = row.cells if row.cells is not None else [row.phone_as_written]
        padded = [*cells, *[""] * (len(headers) - len(cells))][: len(headers)]
        texts = [_text(page, text) for text in (*padded, row.get_problem_display())]
        page.append([*texts, row.row_number])
    file = tempfile.TemporaryFile()  # noqa: SIM115  # whoever asked for it closes it
    book.save(file)
    file.seek(0)
    return file


def response(list_import: ListImport) -> FileResponse:
    """The workbook as a download."""
    return FileResponse(
        workbook(list_import), as_attachment=True, filename=file_name(list_import), content_type=CONTENT_TYPE
    )


def file_name(list_import: ListImport) -> str:
    stem = list_import.file_name.rsplit(".", 1)[0] or "list"
    return f"{stem} - {_('rejected rows')}.xlsx"


def _rows(list_import: ListImport) -> Iterator[ImportedRow]:
    return queries.rejected_rows(list_import).iterator(chunk_size=AT_A_TIME)


def _text(page: Any, text: str, *, is_bold: bool = False) -> Any:
    cell = WriteOnlyCell(page, value=str(text))
    cell.data_type = "s"
    if is_bold:
        cell.font = Font(bold=True)
    return cell
