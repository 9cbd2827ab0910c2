"""Files that are broken, or made to break whoever reads them: a clear error or a clean import, within the memory limit."""

import csv
import io
import os
import random
import resource
import struct
import time
import zipfile
import zlib
from contextlib import suppress
from datetime import date

import pytest
from hypothesis import assume, example, given
from hypothesis import settings as how_much
from hypothesis import strategies as st

from contacts.cells import is_blank
from contacts.phone_numbers import read_number
from contacts.phone_variants import canonical
from contacts.sheet_errors import SheetError
from contacts.sheets import RowValues, open_sheet, peek
from tests.contacts.workbooks import (
    MAIN,
    ODS_CONTENT,
    old_workbook,
    open_document,
    people,
    with_parts,
    with_table_of_texts,
    workbook,
)

# `FUZZ_TIMES=100` makes a long run, each with other files than the ones before (`FUZZ_SEED` begins elsewhere).
TIMES = int(os.environ.get("FUZZ_TIMES", "1"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
MOST_MEMORY = 500 * 1024  # KiB
MOST_SECONDS = 20

HEADER = '<row r="1"><c r="A1" t="str"><v>Phone</v></c><c r="B1" t="str"><v>Name</v></c></row>'
BUDI = '<row r="2"><c r="A2" t="str"><v>081234567890</v></c><c r="B2" t="str"><v>Budi</v></c></row>'


def sheet_xml(rows: str, behind: str = "") -> bytes:
    return f'<worksheet xmlns="{MAIN}"><sheetData>{rows}</sheetData>{behind}</worksheet>'.encode()


def with_rows(rows: str, behind: str = "") -> bytes:
    """A workbook with these rows under its header and one person."""
    return with_parts(people(1), xl__worksheets__sheet1_dot_xml=sheet_xml(HEADER + BUDI + rows, behind))


def found_in(content: bytes) -> list[dict[str, str]]:
    """What a request and then a task make of a file. Whatever it holds, both take little time and memory."""
    started = time.monotonic()
    try:
        peek(io.BytesIO(content), "list", "ID", phone_required=False)
        sheet = open_sheet(io.BytesIO(content), "list", "ID")
        rows = [
            RowValues(sheet.columns).of(cells, sheet.read_number(cells).number)
            for _number, cells in sheet.iter_rows()
            if not is_blank(cells)
        ]
    finally:
        assert time.monotonic() - started < MOST_SECONDS
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < MOST_MEMORY
        assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss < MOST_MEMORY
    return rows


ONE_PERSON = {"phone": "+6281234567890", "name": "Budi"}


class TestCleanImports:
    def test_a_million_blank_rows(self):
        rows = "".join(f'<row r="{number}"/>' for number in range(3, 1_000_002))
        assert found_in(with_rows(rows)) == [ONE_PERSON]

    def test_formatted_cells_far_out(self):
        rows = '<row r="1048576" s="1"><c r="A1048576" s="1"/><c r="XFD1048576" s="2"></c></row>'
        assert found_in(with_rows(rows)) == [ONE_PERSON]

    def test_merged_header_cells(self):
        def merge(book):
            book.worksheets[0].merge_cells("A1:C1")

        content = workbook(("Our customers",), ("Phone", "Name"), ("081234567890", "Budi"), change=merge)
        with pytest.raises(SheetError, match="no column with phone numbers"):
            found_in(content)
        content = workbook(("Phone", "", "Name"), ("081234567890", "", "Budi"), change=lambda book: merge_two(book))
        assert found_in(content) == [ONE_PERSON]

    def test_formulas_without_cached_values(self):
        row = '<row r="3"><c r="A3"><f>A2</f></c><c r="B3" t="str"><f>UPPER(B2)</f><v></v></c></row>'
        assert found_in(with_rows(row)) == [ONE_PERSON]

    def test_errors_of_formulas_and_unknown_kinds_of_cells(self):
        row = '<row r="3"><c r="A3" t="e"><v>#REF!</v></c><c r="B3" t="str"><v>Ayu</v></c></row>'
        assert found_in(with_rows(row))[1]["name"] == "Ayu"

    def test_dates_as_phones(self):
        content = workbook(("Phone", "Name"), ("081234567890", "Budi"), (date(2025, 11, 21), "Ayu"))
        assert found_in(content) == [ONE_PERSON, {"name": "Ayu"}]

    def test_external_links(self):
        content = with_parts(
            with_rows(""),
            xl__externalLinks__externalLink1_dot_xml=b'<externalLink><externalBook r:id="rId1"/></externalLink>',
            xl__externalLinks___rels__externalLink1_dot_xml_dot_rels=(
                b'<Relationships><Relationship Id="rId1" Target="file:///etc/passwd" TargetMode="External"/></Relationships>'
            ),
        )
        assert found_in(content) == [ONE_PERSON]

    def test_control_signs(self):
        content = workbook(("Phone", "Name"), ("081234567890\u200b", "Bu\tdi\u0085"))
        assert found_in(content) == [{"phone": "+6281234567890", "name": "Bu\tdi"}]

    def test_entities_are_not_expanded(self):
        bomb = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>'
        content = with_parts(people(1), xl__worksheets__sheet1_dot_xml=bomb.encode() + sheet_xml(HEADER + BUDI))
        assert found_in(content) == [ONE_PERSON]


def merge_two(book):
    book.worksheets[0].merge_cells("A1:B1")


class TestClearErrors:
    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(
                lambda: with_rows('<row r="3"><c r="A3" t="s"><v>7</v></c></row>'), id="a text that is not there"
            ),
            pytest.param(lambda: with_rows('<row r="3"><c r="A3" t="str"><v>&#0;</v></c></row>'), id="NUL in XML"),
            pytest.param(lambda: with_rows('<row r="3"><c r="A0"><v>1</v></c></row>'), id="a row before the first"),
            pytest.param(lambda: with_rows('<row r="3"><c r="3A"><v>1</v></c></row>'), id="a place that is none"),
            pytest.param(lambda: with_rows(f'<row r="3"><c r="A3" {"x" * 100_000}'), id="a tag without end"),
        ],
    )
    def test_broken_parts(self, content):
        try:
            rows = found_in(content())
        except SheetError:
            rows = [ONE_PERSON]  # it said what is wrong
        assert rows[0] == ONE_PERSON

    def test_a_cell_of_ten_megabytes(self):
        with pytest.raises(SheetError, match="more than 131,072 signs"):
            found_in(with_rows(f'<row r="3"><c r="B3" t="str"><v>{"x" * 10_000_000}</v></c></row>'))

    def test_sixteen_thousand_columns(self):
        cells = "".join(f'<c r="{column}3"><v>1</v></c>' for column in ("GR", "GS", "XFD"))
        with pytest.raises(SheetError, match="as far out as XFD3"):
            found_in(with_rows(f'<row r="3">{cells}</row>'))


class TestBombs:
    """Files of some kilobytes that would take gigabytes."""

    def test_a_long_text_that_many_cells_share(self):
        text = "x" * 120_000
        rows = "".join(f'<row r="{row}"><c r="B{row}" t="s"><v>0</v></c></row>' for row in range(3, 50_003))
        content = with_table_of_texts(with_rows(rows))
        bomb = with_parts(
            content, xl__sharedStrings_dot_xml=f'<sst xmlns="{MAIN}"><si><t>{text}</t></si></sst>'.encode()
        )
        with pytest.raises(SheetError, match="far more memory"):
            found_in(bomb)

    def test_cells_that_do_not_say_where_they_stand(self):
        cells = "<c><v>1</v></c>" * 16_384
        with pytest.raises(SheetError, match=r"far more memory|as far out"):
            found_in(with_rows(f'<row r="3">{cells}</row><row r="1000000">{cells}</row>'))

    @pytest.mark.parametrize(
        "repeated", ['table:number-rows-repeated="1048576"', 'table:number-rows-repeated="4294967295"']
    )
    def test_rows_that_an_open_document_repeats(self, repeated):
        cell = '<table:table-cell table:number-columns-repeated="16384" office:value-type="float" office:value="1"/>'
        rows = f'<table:table table:name="x"><table:table-row {repeated}>{cell}</table:table-row></table:table>'
        with pytest.raises(SheetError):
            found_in(with_parts(open_document({"x": ()}), content_dot_xml=(ODS_CONTENT % rows).encode()))

    def test_an_old_workbook_with_a_cell_far_out(self):
        content = old_workbook({"People": [("Phone", "Name"), ("081234567890", 12345.678)]})
        number = struct.pack("<HHHH", 0x0203, 14, 1, 1)
        assert content.count(number) == 1
        with pytest.raises(SheetError):
            found_in(content.replace(number, struct.pack("<HHHH", 0x0203, 14, 65535, 65535)))


# -- Mutated files, the same ones in every run --


def mutated(content: bytes, dice: random.Random) -> bytes:
    """A few bytes overwritten, removed, repeated, or moved."""
    mutable = bytearray(content)
    for _ in range(dice.randint(1, 8)):
        at = dice.randrange(len(mutable))
        length = min(dice.choice((1, 1, 2, 4, 64, 1000)), len(mutable) - at)
        piece = bytes(mutable[at : at + length])
        match dice.randrange(4):
            case 0:
                mutable[at : at + length] = dice.randbytes(length)
            case 1 if length < len(mutable):
                del mutable[at : at + length]
            case 2:
                mutable[at:at] = piece * dice.randint(1, 3)
            case 3:
                mutable[at : at + length] = bytes(dice.choice((0, 255, 127)) for _ in piece)
    return bytes(mutable)


def mutated_within(content: bytes, dice: random.Random) -> bytes:
    """As `mutated`, but of the unpacked worksheet, so that checksums do not give it away."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        part = dice.choice([name for name in archive.namelist() if name.endswith(".xml")])
        changed = mutated(archive.read(part), dice)
    return with_parts(content, **{part.replace("/", "__").replace(".", "_dot_"): changed})


ORIGINALS = {
    "xlsx": people(30),
    "texts": with_table_of_texts(people(30)),
    "xls": old_workbook({"People": [("Phone", "Name"), *((f"0812{row:08}", "Budi") for row in range(30))]}),
    "ods": open_document({"People": [("Phone", "Name"), *((f"0812{row:08}", "Budi") for row in range(30))]}),
    "csv": b"Phone;Name\r\n" + b'081234567890;"Budi ""B"""\r\n' * 30,
}


@pytest.mark.parametrize("kind", ORIGINALS)
def test_mutated_files(kind):
    dice = random.Random(zlib.crc32(kind.encode()) + SEED)
    times = (12 if kind in ("xls", "ods") else 60) * TIMES  # these are read in a process of their own
    for _ in range(times):
        is_within = kind in ("xlsx", "texts", "ods") and dice.random() < 0.8
        content = (mutated_within if is_within else mutated)(ORIGINALS[kind], dice)
        with suppress(SheetError):
            found_in(content)


CELLS = st.one_of(
    st.text(max_size=40),
    st.floats(),
    st.integers(),
    st.booleans(),
    st.none(),
    st.dates(),
    st.datetimes(),
    st.times(),
    st.timedeltas(),
    st.from_regex(r"\+?[0-9 ().\-/,;Ee+]{5,30}", fullmatch=True),
)


@how_much(max_examples=200 * TIMES, deadline=None)
@given(CELLS, st.sampled_from(["ID", "BR", "AR", "MX", "US", "DE", "IN"]), CELLS)
def test_any_cell_is_a_number_or_a_problem(cell, region, country):
    reading = read_number(cell, region, country=country)
    assert bool(reading.number) != bool(reading.problem)
    for number in (reading.number, *reading.others):
        assert not number or (number.startswith("+") and number[1:].isascii() and number[1:].isdecimal())
        assert canonical(number) == number
    if reading.number:
        assert read_number(reading.number, region) == (reading.number, "", ())


LETTERS = st.characters(exclude_categories=["Cc", "Cs"], include_characters="\n\t\"',;|")


@how_much(max_examples=60 * TIMES, deadline=None)
@given(
    st.lists(st.lists(st.text(LETTERS, max_size=20), min_size=1, max_size=5), min_size=1, max_size=8),
    st.sampled_from(",;\t|"),
)
@example(rows=[["", "", ";0"], ["", ";0"]], delimiter=",")  # where semicolons cut the rows more evenly
@example(rows=[["", "", ";0"], ["", ";"]], delimiter=",")
def test_any_rows_come_out_of_a_csv_as_they_went_in(rows, delimiter):
    assume(any(cell.strip() for row in rows for cell in row))
    table = [["Phone", "B", "C", "D", "E"], *rows]
    file = io.StringIO(newline="")
    csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(table)
    sheet = open_sheet(io.BytesIO(file.getvalue().encode()), "list", "ID", mapping={"Phone": "phone"})
    assert [cells for _number, cells in sheet.iter_rows()] == [row + [""] * (5 - len(row)) for row in rows]
