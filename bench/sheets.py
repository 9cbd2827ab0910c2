"""Lists of people as .xlsx, written as Excel does: texts in a table of their own, phones in many forms."""

import random
import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.sax.saxutils import escape

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
HEADERS = ("Nama", "No. HP", "Kota", "Jumlah Tagihan", "Catatan")
CITIES = ("Medan", "Bandung", "Solo", "Jakarta", "Surabaya", "Makassar")
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{PACKAGE}/content-types"><Default Extension="rels" '
    'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{TYPE}.worksheet+xml"/>'
    f'<Override PartName="/xl/sharedStrings.xml" ContentType="{TYPE}.sharedStrings+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{PACKAGE}/relationships"><Relationship Id="rId1" '
    f'Type="{OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>'
    '<sheet name="Pelanggan" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{PACKAGE}/relationships">'
    f'<Relationship Id="rId1" Type="{OFFICE}/worksheet" Target="worksheets/sheet1.xml"/>'
    f'<Relationship Id="rId2" Type="{OFFICE}/sharedStrings" Target="sharedStrings.xml"/></Relationships>',
}


def write_people(path: Path, rows: int) -> None:
    """The same list each time. One in fifty has no usable number, one in fifty the number of another."""
    texts: dict[str, int] = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for name, content in PARTS.items():
            archive.writestr(name, content)
        with archive.open("xl/worksheets/sheet1.xml", "w") as sheet:
            sheet.write(f'<worksheet xmlns="{MAIN}"><sheetData>'.encode())
            for number, cells in enumerate(_people(rows), start=1):
                sheet.write(_row(number, cells, texts).encode())
            sheet.write(b"</sheetData></worksheet>")
        with archive.open("xl/sharedStrings.xml", "w") as table:
            table.write(f'<sst xmlns="{MAIN}" uniqueCount="{len(texts)}">'.encode())
            for text in texts:
                table.write(f"<si><t>{escape(text)}</t></si>".encode())
            table.write(b"</sst>")


def _row(number: int, cells: tuple[object, ...], texts: dict[str, int]) -> str:
    written = []
    for letter, cell in zip("ABCDE", cells, strict=True):
        if isinstance(cell, str) and cell:
            written.append(f'<c r="{letter}{number}" t="s"><v>{texts.setdefault(cell, len(texts))}</v></c>')
        elif cell != "":
            written.append(f'<c r="{letter}{number}"><v>{cell}</v></c>')
    return f'<row r="{number}" spans="1:5">{"".join(written)}</row>'


def _people(rows: int) -> Iterator[tuple[object, ...]]:
    yield HEADERS
    dice = random.Random(7)
    for index in range(rows):
        yield (
            f"Pelanggan {index} {dice.choice(('Putri', 'Santoso', 'Wijaya', 'Siregar'))}",
            written_phone(index, dice),
            dice.choice(CITIES),
            round(dice.random() * 1e6, 2),
            "Pelanggan lama, bayar di tempat" if index % 7 == 0 else "",
        )


def written_phone(index: int, dice: random.Random) -> object:
    """An Indonesian mobile number in one of the forms that people write, or what is none."""
    if index % 50 == 1:
        return dice.choice(("n/a", "021-5551234", "12345", ""))
    person = index - 1 if index % 50 == 2 else index
    national = f"812{person * 7919 % 10**8:08}"
    match dice.randrange(6):
        case 0:
            return f"0{national}"
        case 1:
            return f"+62 {national[:3]}-{national[3:7]}-{national[7:]}"
        case 2:
            return int(f"62{national}")
        case 3:
            return f"62{national}"
        case 4:
            return f"0{national[:3]} {national[3:7]} {national[7:]}"
    return f"+62{national}"
