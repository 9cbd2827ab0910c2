"""CSV, xls and ods: what comes out of files as other programs write them."""

import io
from datetime import date

import pytest

from contacts import excerpts, sheets, tables
from contacts.cells import cell_text, is_blank
from contacts.sheet_errors import SheetError
from contacts.sheets import RowValues, open_sheet, peek
from contacts.uploads import CSV, ODS, XLS, check_upload
from tests.contacts.workbooks import CUSTOMERS, old_workbook, open_document, people, with_table_of_texts, workbook

PEOPLE = (
    ("Nome", "Telefone", "Cidade"),
    ("José da Conceição", "11987654321", "São Paulo"),
    ("Ana", "11987654322", ""),
)


def found_in(content: bytes, region: str = "BR", **chosen: object) -> list[dict[str, str]]:
    """The values of every row that is not blank, read as a task would; a peek must see the same first row."""
    seen = peek(io.BytesIO(content), "list", region, **chosen)  # type: ignore[arg-type]
    sheet = open_sheet(io.BytesIO(content), "list", region, **chosen)  # type: ignore[arg-type]
    assert seen is not None
    assert seen.columns == sheet.columns
    rows = [cells for _number, cells in sheet.iter_rows() if not is_blank(cells)]
    assert seen.rows == [[cell_text(cell) for cell in cells] for cells in rows[: len(seen.rows)]]
    return [RowValues(sheet.columns).of(cells, sheet.read_number(cells).number) for cells in rows]


def text(rows: object, delimiter: str = ",", end: str = "\n") -> str:
    return "".join(delimiter.join(row) + end for row in rows)  # type: ignore[attr-defined]


JOSE = {
    "nome": "José da Conceição",
    "name": "José da Conceição",
    "telefone": "+5511987654321",
    "phone": "+5511987654321",
    "cidade": "São Paulo",
}


class TestCsv:
    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "latin-1"])
    def test_encodings_and_delimiters(self, encoding, delimiter):
        assert found_in(text(PEOPLE, delimiter, "\r\n").encode(encoding))[0] == JOSE

    @pytest.mark.parametrize(
        ("encoding", "name"),
        [
            ("cp1250", "Jiří Dvořák Štěpán Čech Łukasz Żółć"),
            ("cp1251", "Иван Петров Ольга Сидорова"),
            ("gb18030", "王秀英 张伟 李娜 电话 姓名"),
            ("cp932", "田中さくら 鈴木はなこ 佐藤たろう"),
            ("cp1256", "محمد عبد الله فاطمة الزهراء"),
        ],
    )
    def test_other_scripts(self, encoding, name):
        content = f"Name;Phone\n{name};+55 11 98765-4321\n".encode(encoding)
        assert found_in(content)[0]["name"] == name

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_ends_of_lines(self, end):
        assert found_in(text(PEOPLE, ";", end).encode())[0] == JOSE
        assert len(found_in(text(PEOPLE, ";", end).rstrip().encode())) == 2

    def test_excels_statement_of_the_delimiter(self):
        rows = "sep=^\nName^Phone\nA,B;C^0812-3456-7890\n"
        sheet = open_sheet(io.BytesIO(rows.encode()), "list.csv", "ID")
        assert [(number, cells) for number, cells in sheet.iter_rows()] == [(3, ["A,B;C", "0812-3456-7890"])]

    def test_quotation_marks_and_line_breaks_within_cells(self):
        content = b'Name,Phone,Note\n"Budi ""B"" S","0812-3456-7890","one\ntwo, three"\nAyu,081311112222,\n'
        assert found_in(content, "ID")[0] == {
            "name": 'Budi "B" S',
            "phone": "+6281234567890",
            "note": "one\ntwo, three",
        }

    def test_text_that_excel_should_not_make_a_number(self):
        assert found_in(b'Name,Phone\nBudi,"=""081234567890"""\n', "ID")[0]["phone"] == "+6281234567890"

    def test_rows_that_are_shorter_or_longer_than_the_header(self):
        sheet = open_sheet(io.BytesIO(b"Phone,Name,City\n081234567890\n\n081234567891,Ayu,Solo,x,y\n"), "l", "ID")
        assert [number for number, _cells in sheet.iter_rows()] == [2, 3, 4]
        assert [sheet.read_number(cells).number for _number, cells in sheet.iter_rows()] == [
            *("+6281234567890", "", "+6281234567891"),
        ]
        assert sheet.rows == 3

    def test_a_csv_is_recognised_by_content(self):
        assert check_upload(io.BytesIO(text(PEOPLE).encode()), "list.xlsx") == CSV

    def test_a_workbook_called_csv(self):
        assert open_sheet(io.BytesIO(people(3)), "list.csv", "ID").rows == 3

    def test_a_quotation_mark_that_is_never_closed_loses_nobody_in_silence(self):
        content = b'Name,Phone\nBudi,"081234567890\nAyu,081234567891\nTono,081234567892\n'
        with pytest.raises(SheetError, match="never closed"):
            open_sheet(io.BytesIO(content), "list.csv", "ID")

    @pytest.mark.parametrize(
        "content",
        [
            b"Name,Phone\n" + b"x" * 10_000_000 + b",081234567890\n",
            b'Name,Phone\n"' + b"x\n" * 5_000_000 + b'",081234567890\n',
        ],
    )
    def test_a_cell_of_ten_megabytes(self, content):
        with pytest.raises(SheetError, match="a cell without end"):
            open_sheet(io.BytesIO(content), "list.csv", "ID")

    def test_sixteen_thousand_columns(self):
        with pytest.raises(SheetError, match="as far out as XFD2"):
            open_sheet(io.BytesIO(b"Phone\n" + b"," * 16_383 + b"x\n"), "list.csv", "ID")

    def test_too_many_rows(self, settings):
        settings.UPLOAD_MAX_ROWS = 3
        with pytest.raises(SheetError, match="at most 3 can be read"):
            open_sheet(io.BytesIO(b"Phone\n" + b"081234567890\n" * 5), "list.csv", "ID")

    def test_a_million_blank_rows(self):
        content = b"Name,Phone\nBudi,081234567890\n" + b"\n" * 500_000 + b",\n" * 500_000
        sheet = open_sheet(io.BytesIO(content), "list.csv", "ID")
        assert sheet.rows == 1

    def test_nul_and_control_signs(self):
        assert (
            found_in(b"Name,Phone\nBu\x00di\x07,08123456\x007890\n" + b"Ayu,081311112222\n" * 9, "ID")[0]["name"]
            == "Budi"
        )


@pytest.mark.parametrize(("make", "kind"), [(old_workbook, XLS), (open_document, ODS)])
class TestWorkbooksOfOtherPrograms:
    def test_they_are_read(self, make, kind):
        content = make({"Pessoas": PEOPLE})
        assert check_upload(io.BytesIO(content), "list.xlsx") == kind
        assert found_in(content)[0] == JOSE

    def test_numbers_and_dates(self, make, kind):
        content = make({"People": (("Phone", "Born"), (81234567890.0, date(1990, 5, 17)))})
        assert found_in(content, "ID") == [{"phone": "+6281234567890", "born": "1990-05-17"}]

    def test_a_sheet_may_be_chosen(self, make, kind):
        content = make({"Old": PEOPLE, "New": (("Phone",), ("11987654329",))})
        assert found_in(content, sheet="New") == [{"phone": "+5511987654329"}]
        seen = peek(io.BytesIO(content), "list", "BR")
        assert seen is not None
        assert seen.sheets == ["Old", "New"]

    @pytest.mark.parametrize("kept", [0.3, 0.6, 0.9])
    def test_cut_short(self, make, kind, kept):
        content = make({"People": PEOPLE * 50})
        with pytest.raises(SheetError, match=r"damaged|no Excel sheet"):
            open_sheet(io.BytesIO(content[: int(len(content) * kept)]), "list", "BR")


class TestTheBeginningOfALargeFile:
    def test_a_peek_sees_the_columns_of_any_workbook(self, monkeypatch):
        monkeypatch.setattr(excerpts, "WORTH_CUTTING", 0)
        monkeypatch.setattr(excerpts, "SHEET_BYTES", 8192)
        content = people(2000)
        small = excerpts.beginning_of(io.BytesIO(content), "xlsx")
        assert small is not None
        assert len(small.getvalue()) < len(content) * 2  # type: ignore[attr-defined]
        assert found_in(content, "ID")[0]["name"] == "Person 0"

    def test_a_real_list_with_a_table_of_texts(self, monkeypatch):
        monkeypatch.setattr(excerpts, "WORTH_CUTTING", 0)
        monkeypatch.setattr(excerpts, "SHEET_BYTES", 8192)
        monkeypatch.setattr(excerpts, "TEXTS_BYTES", 16384)
        content = with_table_of_texts(CUSTOMERS.read_bytes())
        seen = peek(io.BytesIO(content), "list.xlsx", "ID")
        assert seen is not None
        assert [column.role for column in seen.columns] == ["name", "phone", "", "", ""]
        assert seen.rows[0][0] == "Gita"
        monkeypatch.setattr(excerpts, "TEXTS_BYTES", 100)
        assert peek(io.BytesIO(content), "list.xlsx", "ID") is None

    def test_an_open_document(self, monkeypatch):
        monkeypatch.setattr(excerpts, "WORTH_CUTTING", 0)
        monkeypatch.setattr(excerpts, "ODS_BYTES", 4096)
        assert found_in(open_document({"People": (*PEOPLE, *[PEOPLE[1]] * 500)}))[0] == JOSE

    def test_a_row_that_does_not_end_is_left_to_the_task(self, monkeypatch):
        monkeypatch.setattr(excerpts, "WORTH_CUTTING", 0)
        monkeypatch.setattr(excerpts, "SHEET_BYTES", 300)
        assert peek(io.BytesIO(people(10)), "list.xlsx", "ID") is None

    def test_a_file_that_takes_too_long_is_left_to_the_task(self, monkeypatch):
        monkeypatch.setattr(sheets, "PEEK_SECONDS_OF_SMALL", 0.0)
        assert peek(io.BytesIO(old_workbook({"People": PEOPLE})), "list.xls", "BR") is None


class TestReadingElsewhere:
    """What is not known to fit into memory is read in a process of its own."""

    @pytest.fixture(autouse=True)
    def _nothing_fits(self, monkeypatch):
        monkeypatch.setattr(tables, "MOST_KEPT_HERE", 0)

    def test_the_answers_are_the_same(self, monkeypatch):
        with CUSTOMERS.open("rb") as file:
            elsewhere = list(open_sheet(file, "list.xlsx", "ID").iter_rows())
            monkeypatch.undo()
            assert list(open_sheet(file, "list.xlsx", "ID").iter_rows()) == elsewhere

    def test_a_sheet_name_that_no_sheet_can_have(self):
        with pytest.raises(SheetError, match="has no sheet"):
            open_sheet(io.BytesIO(people(1)), "list.xlsx", "ID", sheet="\0" * 1000 + "x")

    def test_dates_times_and_truths_come_through(self):
        content = workbook(("Phone", "Day"), ("081234567890", date(2025, 11, 21)), (True, 0.5))
        assert [cells for _number, cells in open_sheet(io.BytesIO(content), "l", "ID").iter_rows()] == [
            ["081234567890", date(2025, 11, 21)],
            [True, 0.5],
        ]
