"""What is read from a sheet, and what is said about files that are no usable sheets."""

import io
import struct
import zipfile
from datetime import date, datetime, time, timedelta

import pytest

from contacts import sheets, uploads
from contacts.cells import cell_text, is_blank
from contacts.columns import variables_of
from contacts.sheet_errors import SheetError
from contacts.sheets import open_sheet, peek
from contacts.uploads import check_upload, measure
from tests.contacts.workbooks import CUSTOMERS, PROTECTED, people, with_parts, workbook

PERSON = ("Name", "Phone"), ("Budi", "081234567890")
SHEET_PART = "xl__worksheets__sheet1_dot_xml"


def complaint_about(content: bytes, name: str = "list.xlsx") -> str:
    with pytest.raises(SheetError) as caught:
        peek(io.BytesIO(content), name, "ID")
    assert f"“{name}”" in str(caught.value)
    return str(caught.value)


def opened(content: bytes) -> sheets.Sheet:
    return open_sheet(io.BytesIO(content), "list.xlsx", "ID")


class TestFilesThatAreNoSheets:
    def test_empty(self):
        assert "is empty" in complaint_about(b"")

    @pytest.mark.parametrize(
        ("content", "kind"),
        [
            (b"\x89PNG\r\n\x1a\n" + bytes(500), "PNG"),
            (b"%PDF-1.7\n", "PDF"),
            (b"<!doctype html><table>", "HTML"),
            (bytes(300), "no Excel sheet"),
        ],
    )
    def test_renamed(self, content, kind):
        said = complaint_about(content)
        assert kind in said
        assert "Save As > Excel Workbook (.xlsx)" in said

    def test_protected_with_a_password(self):
        assert "protected with a password" in complaint_about(PROTECTED.read_bytes())

    def test_old_excel_file(self):
        header = bytearray(uploads.OLE + bytes(504))
        struct.pack_into("<HI", header, 30, 9, 0)
        struct.pack_into("<I", header, 48, 0)
        directory = "Root Entry".encode("utf-16-le") + "Workbook".encode("utf-16-le")
        assert ".xls" in complaint_about(bytes(header) + directory.ljust(512, b"\0"))

    def test_encrypted_zip(self):
        content = bytearray(workbook(*PERSON))
        entry = content.find(b"PK\x01\x02")
        content[entry + 8] |= 1
        assert "protected with a password" in complaint_about(bytes(content))

    def test_macros(self):
        assert "macros" in complaint_about(with_parts(workbook(*PERSON), xl__vbaProject_dot_bin=b"x"))

    @pytest.mark.parametrize(
        ("part", "kind"),
        [
            ("word__document_dot_xml", "no Excel sheet"),
            ("xl__workbook_dot_bin", "xlsb"),
        ],
    )
    def test_other_zips(self, part, kind):
        empty = io.BytesIO()
        zipfile.ZipFile(empty, "w").close()
        assert kind in complaint_about(with_parts(empty.getvalue(), **{part: b"x"}))

    @pytest.mark.parametrize("cut", [1, 200, 3000])
    def test_cut_short(self, cut):
        assert "is damaged" in complaint_about(workbook(*PERSON)[:-cut])

    def test_bytes_overwritten(self):
        content = workbook(*PERSON)
        at = content.find(b"xl/worksheets/sheet1.xml") + 40
        assert "is damaged" in complaint_about(content[:at] + b"\xff" * 20 + content[at + 20 :])

    def test_broken_xml(self):
        assert "is damaged" in complaint_about(
            with_parts(workbook(*PERSON), **{SHEET_PART: b"<worksheet><sheetData>"})
        )

    def test_two_parts_of_one_name(self):
        file = io.BytesIO(workbook(*PERSON))
        with zipfile.ZipFile(file, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
            archive.writestr("xl/workbook.xml", b"x")
        assert "is damaged" in complaint_about(file.getvalue())


class TestFilesThatWouldTakeAllMemory:
    def test_zip_bomb(self):
        bomb = with_parts(workbook(*PERSON), **{SHEET_PART: bytes(uploads.HARMLESS_UNPACKED + 1)})
        assert "unpacks to" in complaint_about(bomb)

    def test_more_unpacked_than_declared(self):
        content = bytearray(with_parts(workbook(*PERSON), **{SHEET_PART: b"<worksheet/>" + b" " * 100_000}))
        declared = struct.pack("<I", 100_012)
        while (at := content.find(declared)) >= 0:
            content[at : at + 4] = struct.pack("<I", 100)
        assert "is damaged" in complaint_about(bytes(content))

    @pytest.mark.parametrize("cell", ["XFD1048576", "A9999999999", "SZ1", "GR200000"])
    def test_a_cell_far_out(self, cell):
        far = b'<worksheet><sheetData><row r="1"><c r="A1"/><c r="%s"><v>1</v></c></row></sheetData></worksheet>'
        said = complaint_about(with_parts(workbook(*PERSON), **{SHEET_PART: far % cell.encode()}))
        assert "Ctrl+End" in said or "rows; at most" in said

    def test_a_reference_cut_by_the_size_of_a_read(self):
        far = b"<worksheet>%s<sheetData><row><c r='XFD1048576'><v>1</v></c></row></sheetData></worksheet>"
        for shift in range(0, 60, 3):
            padding = b" " * (uploads.PIECE - 70 + shift)
            content = with_parts(workbook(*PERSON), **{SHEET_PART: far % padding})
            with pytest.raises(SheetError, match=r"Ctrl\+End"):
                measure(io.BytesIO(content), "list.xlsx")

    def test_text_that_looks_like_a_far_cell_is_text(self):
        assert opened(workbook(("Phone", "Note"), ("081234567890", ' r="XFD1048576" '))).rows == 1

    def test_too_many_rows(self, settings):
        settings.UPLOAD_MAX_ROWS = 2
        assert opened(people(2)).rows == 2
        assert "has 3 rows; at most 2 can be read" in complaint_about(people(3))

    def test_too_many_bytes(self, settings):
        settings.UPLOAD_MAX_BYTES = 100
        assert "at most 100" in complaint_about(people(3))


class TestSheetsThatMissSomething:
    def test_nothing_in_it(self):
        assert "has no cell that is filled" in complaint_about(workbook())

    def test_no_phone_column(self):
        said = complaint_about(workbook(("Name", "Town"), ("Budi", "Medan")))
        assert "no column with phone numbers. Its columns are: Name, Town." in said

    def test_no_header(self):
        assert "instead of column names" in complaint_about(
            workbook(("Budi", "081234567890"), ("Ayu", "081234567891"))
        )

    def test_no_rows(self):
        assert "no row under its column names" in complaint_about(workbook(("Name", "Phone")))


def test_the_outside_of_a_large_file_is_judged_at_once():
    check_upload(io.BytesIO(people(10)), "list.xlsx")
    assert peek(io.BytesIO(people(10)), "list.xlsx", "ID") is not None


def test_the_columns_of_a_real_list():
    with CUSTOMERS.open("rb") as file:
        sheet = open_sheet(file, "customers_1000.xlsx", "ID")
    assert [(column.key, column.role) for column in sheet.columns] == [
        ("nama", "name"),
        ("no_hp", "phone"),
        ("kota", ""),
        ("jumlah_tagihan", ""),
        ("catatan", ""),
    ]
    assert sheet.rows == 1000
    assert variables_of(sheet.columns) == ["nama", "no_hp", "kota", "jumlah_tagihan", "catatan", "name", "phone"]


def test_a_peek_gives_the_first_person_whose_number_is_usable():
    content = workbook(("Nama", "No. HP", "Kota"), ("Ayu", "n/a", "Solo"), ("Budi", 6281234567890, None))
    found = peek(io.BytesIO(content), "list.xlsx", "ID")
    assert found is not None
    assert found.example == {"nama": "Budi", "name": "Budi", "no_hp": "+6281234567890", "phone": "+6281234567890"}


def test_row_numbers_are_those_that_excel_shows():
    def shift(book):
        book.worksheets[0].insert_rows(1, 3)
        book.worksheets[0].insert_cols(1, 2)

    sheet = opened(workbook(("Name", "Phone"), ("Budi", "0812"), (), ("Ayu", "0813"), change=shift))
    assert [(number, cells) for number, cells in sheet.iter_rows() if not is_blank(cells)] == [
        (5, ["Budi", "0812"]),
        (7, ["Ayu", "0813"]),
    ]
    assert sheet.rows == 3


def test_the_first_visible_worksheet_with_anything_in_it_is_read():
    def add(book):
        book.worksheets[0].sheet_state = "hidden"
        book.create_sheet("Empty")
        book.create_sheet("People").append(["Phone"])
        book["People"].append(["081234567890"])

    assert [column.header for column in opened(workbook(("Secret", "Phone"), ("x", "0813"), change=add)).columns] == [
        "Phone"
    ]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ("Zoë 李 😀", "Zoë 李 😀"),
        ("=SUM(1) <b>Tono</b> O'Brien", "=SUM(1) <b>Tono</b> O'Brien"),
        ("\u202a+62\u202c", "\u202a+62\u202c"),
        ("a\x00b\x07c\r\nd\te", "abc\nd\te"),
        (6282157283022.0, "6282157283022"),
        (4134883.79, "4134883.79"),
        (0.1 + 0.2, "0.3"),
        (-5.0, "-5"),
        (1e20, "100000000000000000000"),
        (0.000001234, "0.000001234"),
        (12, "12"),
        (True, "TRUE"),
        (False, "FALSE"),
        (date(2025, 11, 21), "2025-11-21"),
        (datetime(2025, 11, 21, 14, 3), "2025-11-21 14:03"),  # noqa: DTZ001  cells have no time zone
        (datetime(2025, 11, 21, 14, 3, 9), "2025-11-21 14:03:09"),  # noqa: DTZ001
        (time(9, 30), "09:30"),
        (timedelta(hours=30, seconds=5), "30:00:05"),
    ],
)
def test_cells_become_text(cell, text):
    assert cell_text(cell) == text


def two_sheets(book):
    book.worksheets[0].title = "Old"
    book.create_sheet("Empty")
    book.create_sheet("New").append(["Country", "Number", "Name"])
    for number in range(7):
        book["New"].append(["Brazil", f"11 98765-432{number}", f"Person {number}"])


def test_a_sheet_may_be_chosen():
    content = workbook(("Name", "Phone"), ("Budi", "081234567890"), change=two_sheets)
    found = peek(io.BytesIO(content), "list.xlsx", "ID")
    assert found is not None
    assert (found.sheet, found.sheets) == ("Old", ["Old", "New"])
    found = peek(io.BytesIO(content), "list.xlsx", "ID", sheet="New")
    assert found is not None
    assert (found.sheet, len(found.rows)) == ("New", 5)
    assert found.rows[0] == ["Brazil", "11 98765-4320", "Person 0"]
    assert found.example["phone"] == "+5511987654320"
    sheet = open_sheet(io.BytesIO(content), "list.xlsx", "ID", sheet="New")
    assert [sheet.read_number(cells).number for _, cells in sheet.iter_rows()][-1] == "+5511987654326"
    with pytest.raises(SheetError, match=r"no sheet “Empty” with anything in it\. Choose one of: Old, New"):
        open_sheet(io.BytesIO(content), "list.xlsx", "ID", sheet="Empty")


def test_columns_may_be_named_where_they_were_not_found():
    content = workbook(("A", "B"), ("Budi", "n/a"), ("Ayu", "081234567890"), ("Tono", "-"))
    assert "no column with phone numbers" in complaint_about(content)
    found = peek(io.BytesIO(content), "list.xlsx", "ID", phone_required=False)
    assert found is not None
    assert [column.role for column in found.columns] == ["", ""]
    sheet = open_sheet(io.BytesIO(content), "list.xlsx", "ID", mapping={"B": "phone", "A": "ignore"})
    row = list(sheet.iter_rows())[1][1]
    assert sheets.RowValues(sheet.columns).of(row, sheet.read_number(row).number) == {
        "b": "+6281234567890",
        "phone": "+6281234567890",
    }
    with pytest.raises(SheetError, match="“C” that the sheet does not have"):
        open_sheet(io.BytesIO(content), "list.xlsx", "ID", mapping={"C": "phone"})
