"""Two texts are compared: written, sent to a part, followed through their short links, and the better one given to the rest."""

import re

from playwright.sync_api import Page, expect

from tests.browser.accessibility import check
from tests.product import Product

PHONE = "Mozilla/5.0 (Linux; Android 14; SM-A156E) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Mobile Safari/537.36"


def test_from_two_texts_to_the_better_one(signed_in_page: Page, running_product: Product) -> None:
    page = signed_in_page
    key = running_product.manage("create_api_key", "--organization", "demo", "--name", "variants").strip()
    api = {"X-Api-Key": key}
    rows = "\n".join(f"0812{number:08},Person {number}" for number in range(40_001, 40_041))
    made = page.request.post(
        "/api/campaigns",
        headers=api,
        multipart={
            "name": "Two texts",
            "template": "Hi {{name}}",
            "min_delay_ms": "0",
            "max_delay_ms": "10",
            "file": {"name": "people.csv", "mimeType": "text/csv", "buffer": f"phone,name\n{rows}".encode()},
        },
    ).json()
    address = f"/o/demo/campaigns/{made['id']}"
    page.goto(address)
    page.get_by_role("link", name="Compare several texts").click()
    page.get_by_label("Text of variant B").fill("{{name}}, look: https://shop.example/sale")
    expect(page.get_by_label("Text of variant C")).to_be_hidden()
    page.get_by_role("button", name="Add a variant").click()
    expect(page.get_by_label("Text of variant C")).to_be_focused()
    page.get_by_label("Compared by").select_option("clicked")
    page.get_by_role("button", name="Save the variants").click()
    expect(page.get_by_text("Clicks are not counted for this campaign")).to_be_visible()
    page.get_by_label("Count who clicks").check()
    page.get_by_label("Test with a part").check()
    page.get_by_label("Tested (%)").fill("50")
    check(page)
    page.get_by_role("button", name="Save the variants").click()
    expect(page.get_by_text("The variants are saved.")).to_be_visible()
    expect(page.get_by_text("get the winner")).to_be_visible()
    page.get_by_role("button", name=re.compile("Start sending to")).click()
    page.get_by_role("dialog").get_by_role("button", name="Start sending").click()
    expect(page.get_by_text("wait for the winner")).to_be_visible()

    reported = f"/api/campaigns/{made['id']}/variants"
    for _ in range(60):
        report = page.request.get(reported, headers=api).json()
        if sum(variant["delivered"] for variant in report["variants"]) == 40 - report["rest"]["waiting"]:
            break
        page.wait_for_timeout(500)
    people = page.request.get(f"/api/campaigns/{made['id']}/recipients", headers=api).json()["results"]
    links = [found[0] for each in people if (found := re.search(r"http\S+/l/\w+", each["text"]))]
    assert links
    page.wait_for_timeout(2_100)  # sooner is no person
    for link in links:
        answer = page.request.get(link, headers={"User-Agent": PHONE}, max_redirects=0)
        assert (answer.status, answer.headers["location"]) == (302, "https://shop.example/sale")
    page.wait_for_timeout(2_100)  # figures of the last two seconds are not counted again
    report = page.request.get(reported, headers=api).json()
    assert [each["clicked"] for each in report["variants"]] == [0, len(links)]
    page.goto(address)
    expect(page.get_by_text("100.0 %", exact=True)).to_be_visible()
    expect(page.locator("[data-verdict=measuring]")).to_be_visible()
    check(page)
    page.get_by_label("Choose now").select_option("B")
    page.get_by_role("button", name="Send it to the rest").click()
    expect(page.get_by_text("goes to everybody who waits")).to_be_visible()
    expect(page.get_by_text("Completed").first).to_be_visible(timeout=30_000)
    page.wait_for_timeout(2_100)
    rest = page.request.get(reported, headers=api).json()["rest"]
    assert (rest["waiting"], rest["sent"] + rest["delivered"] > 0) == (0, True)
