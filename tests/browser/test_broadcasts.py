"""From a broadcast list to the last group and to the log; a message that is cancelled before it goes; a file of the library."""

import json
import re
from collections import defaultdict
from datetime import datetime, timedelta
from itertools import pairwise

from playwright.sync_api import Page, expect

from tests.browser.accessibility import check
from tests.messaging.files import PNG
from tests.product import Product

TEXT = "Open until nine, in groups"
GAP = 2  # seconds
NUMBERS = [f"+62819{index + 1:07}" for index in range(300)]


def test_a_broadcast_goes_group_by_group(signed_in_page: Page, running_product: Product) -> None:
    page = signed_in_page
    page.goto("/o/demo/broadcasts/new")
    page.get_by_label("Name").fill("Regulars")
    page.get_by_label("Pause between groups (seconds)").fill(str(GAP))
    page.get_by_label("Phone numbers").fill("\n".join([*NUMBERS, "nobody"]))
    page.get_by_role("button", name="Make the list").click()
    expect(page.get_by_text("1 entry is no mobile number and was left out: nobody")).to_be_visible()
    expect(page.get_by_text("Group 2", exact=True)).to_be_visible()
    check(page)
    page.get_by_label("Message", exact=True).fill(TEXT)
    page.get_by_role("button", name="Start sending to 300 people").click()
    page.wait_for_url(re.compile("/broadcasts/batches/"))
    expect(page.locator("[data-status=completed]")).to_be_visible(timeout=30_000)
    expect(page.locator(".group-card").nth(1).get_by_text("44 of 44")).to_be_visible()
    check(page)
    lines = map(json.loads, running_product.manage("simulator_deliveries", "--format", "jsonl").splitlines())
    arrived = defaultdict(list)
    for line in lines:
        if line["text"] == TEXT:
            arrived[line["to"]].append(datetime.fromisoformat(line["at"]))
    assert sorted(arrived) == NUMBERS, "everybody has it"
    assert all(len(times) == 1 for times in arrived.values()), "once"
    moments = sorted(times[0] for times in arrived.values())
    pauses = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]
    assert pauses.index(max(pauses)) == 255, "after 256 people comes the pause"
    assert max(pauses) >= GAP
    page.goto("/o/demo/messages?origin=broadcast&number=0819+0000+001")
    expect(page.get_by_text(TEXT)).to_be_visible()
    check(page)


def test_a_scheduled_message_is_cancelled_before_it_goes(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto("/o/demo/messages/new")
    page.get_by_label("To", exact=True).fill("0819-9999-001")
    page.get_by_label("Message", exact=True).fill("See you tomorrow")
    page.get_by_label("At a time").check()
    tomorrow = datetime.now().astimezone() + timedelta(days=2)
    page.get_by_label("Day and time").fill(f"{tomorrow:%Y-%m-%dT%H:%M}")
    page.get_by_role("button", name="Send the message").click()
    expect(page.get_by_text("It is sent at its time.")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Cancel", exact=True).click()
    page.get_by_role("button", name="Do not send it").click()
    expect(page.get_by_text("Nothing is scheduled")).to_be_visible()


def test_a_file_of_the_library_goes_into_a_bulk_send(signed_in_page: Page) -> None:
    page = signed_in_page
    page.goto("/o/demo/media")
    page.get_by_label("File", exact=True).set_input_files({"name": "menu.png", "mimeType": "image/png", "buffer": PNG})
    page.get_by_role("button", name="Add the file").click()
    expect(page.get_by_text("“menu.png” is in the library.")).to_be_visible()
    check(page)
    page.goto("/o/demo/broadcasts/bulk/new")
    page.get_by_label("No pace").check()
    expect(page.get_by_text("Numbers that send like this get banned.")).to_be_visible()
    page.get_by_label("Phone numbers").fill("+62819000777\n+628190007770\nnobody")
    page.get_by_role("button", name="From the library").click()
    page.get_by_role("dialog").get_by_text("menu.png").click()
    expect(page.locator(".editor-file")).to_contain_text("menu.png")
    check(page)
    page.get_by_role("button", name="Start sending to these people").click()
    page.wait_for_url(re.compile("/broadcasts/batches/"))
    expect(page.get_by_text("“nobody” is not a possible mobile number.")).to_be_visible()
