"""The way of a list from the upload to its undoing, by a person who looks twice."""

import io
from pathlib import Path
from typing import Any

from openpyxl import load_workbook
from playwright.sync_api import Page, expect

from tests.browser.accessibility import check
from tests.contacts.workbooks import workbook

MINUTE = 60_000


def a_workbook(folder: Path) -> Path:
    """Notes on the first worksheet, the customers on the second, with a column that is not what it seems."""

    def change(book: Any) -> None:
        book.worksheets[0].title = "Notes"
        page = book.create_sheet("Customers")
        page.append(["Nama", "No. HP", "Kota", "Tags", "Tagihan"])
        for number in range(1, 21):
            page.append([f"Person {number}", f"0819{number:08}", "Medan", "vip", f"{number}.500,5"])
        page.append(["=1+1", "nobody", "Solo", "", ""])
        page["A22"].data_type = "s"

    path = folder / "customers.xlsx"
    path.write_bytes(workbook(("Things to do",), ("Call the printer",), change=change))
    return path


def test_from_the_upload_to_the_undoing(signed_in_page: Page, tmp_path: Path) -> None:
    page = signed_in_page
    page.goto("/o/demo/contacts/import")
    page.get_by_label("Numbers never to write to").check()
    expect(page.get_by_label("Why they are blocked")).to_be_visible()
    expect(page.get_by_label("named")).to_be_hidden()
    page.get_by_label("People to write to").check()
    page.locator("input[type=file]").set_input_files(a_workbook(tmp_path))
    page.get_by_label("named").fill("Wizard")
    page.get_by_label("Tag everybody with").fill("november")
    page.get_by_role("button", name="Upload and check").click()
    # The first worksheet holds no phones: that is said, and nothing is lost.
    expect(page.get_by_text("No column with phone numbers was found.")).to_be_visible(timeout=MINUTE)
    check(page)
    page.get_by_role("button", name="Check again").click()
    expect(page.get_by_text("Choose which column holds the phone numbers.")).to_be_visible()
    page.get_by_label("Worksheet").select_option("Customers")
    page.get_by_role("button", name="Read this worksheet").click()
    # What was guessed, by keyboard made another.
    city = page.get_by_label("What “Kota” is")
    expect(city).to_have_value("attribute", timeout=MINUTE)
    expect(page.get_by_text("Medan · Medan · Medan")).to_be_visible()
    expect(page.get_by_role("button", name="Import 20 people")).to_be_visible()
    check(page)
    city.focus()
    page.keyboard.press("L")  # Leave out
    expect(city).to_have_value("ignore")
    expect(page.get_by_label("Name of the attribute “Kota”")).to_be_hidden()
    expect(page.get_by_role("button", name="Import 20 people")).to_be_hidden()
    expect(page.get_by_text("You changed what the columns are.")).to_be_visible()
    page.get_by_label("Type of the attribute “Tagihan”").select_option("number")
    page.get_by_role("button", name="Check again").click()
    page.get_by_role("button", name="Import 20 people").click(timeout=MINUTE)
    expect(page.get_by_text("20 people are new on the list.")).to_be_visible(timeout=MINUTE)
    check(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Download them with the reasons").click()
    rows = list(load_workbook(io.BytesIO(download.value.path().read_bytes())).worksheets[0].values)
    assert rows[1][:3] == ("=1+1", "nobody", "Solo")
    assert rows[1][-1] == 22
    page.get_by_role("link", name="See the list").click()
    expect(page.get_by_text("1–20 of 20")).to_be_visible()
    page.go_back()
    page.get_by_role("button", name="Undo the import").click()
    page.get_by_role("dialog").get_by_role("button", name="Undo the import").click()
    expect(page.get_by_text("Undone: 20 contacts are gone again")).to_be_visible(timeout=MINUTE)
    check(page)
    page.get_by_role("link", name="Import another list").click()
    expect(page.get_by_text("Undone").first).to_be_visible()
    check(page)
