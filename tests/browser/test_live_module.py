"""`static/src/live.js` against a server that does what servers do: answer, vanish, come back, refuse.

The WebSocket's far end is the test itself; everything on the page is real.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, WebSocketRoute, expect

LIVE_PART = """() => {
  document.documentElement.dataset.timezone = "Asia/Jakarta";
  document.documentElement.dataset.timezoneName = "WIB";
  document.querySelector("main").innerHTML = `
    <section data-live-topic="batch.12">
      <div data-live-status>
        <p data-live-when="live" hidden><span data-live-sentence="Live, as of {time}"></span></p>
        <p data-live-when="stale" hidden><span data-live-sentence="Connection lost. Figures as of {time}"></span></p>
        <p data-live-when="ended" hidden>Session ended. <a href="/accounts/login">Sign in again</a></p>
        <p data-live-when="unknown" hidden>Nothing live here.</p>
      </div>
      <b data-live-text="counts.sent">3</b>
      <div data-live-progress="done/total">
        <i data-progress-percent>0%</i>
        <div role="progressbar" aria-valuenow="0" aria-valuemax="9"><div class="bar"></div></div>
      </div>
    </section>`;
  window.heard = [];
  const part = document.querySelector("[data-live-topic]");
  for (const kind of ["live:progress", "live:refetch"]) {
    part.addEventListener(kind, (event) => window.heard.push([kind, event.detail.done ?? null]));
  }
  document.dispatchEvent(new Event("htmx:after:swap"));
}"""

RECORD_WAITS = """() => {
  const before = window.setTimeout;
  window.waits = [];
  window.setTimeout = (run, wait, ...rest) => { window.waits.push([run.toString(), wait]); return before(run, wait, ...rest); };
}"""


class Server:
    """The far end of every socket that the page opens."""

    def __init__(self) -> None:
        self.sockets: list[WebSocketRoute] = []
        self.received: list[Any] = []
        self.answers_pings = True

    def open(self, socket: WebSocketRoute) -> None:
        self.sockets.append(socket)
        socket.on_message(lambda text: self.hear(socket, str(text)))

    def hear(self, socket: WebSocketRoute, text: str) -> None:
        self.received.append(json.loads(text))
        if self.answers_pings:
            socket.send('{"type": "pong"}')

    def send(self, **message: Any) -> None:
        self.sockets[-1].send(json.dumps(message))


@pytest.fixture
def server(page: Page) -> Server:
    """A page with one live part, connected, on a clock that only the test moves, however slow the machine is."""
    server = Server()
    page.clock.install(time=0)
    page.clock.pause_at(1000)
    page.route_web_socket("**/ws/batch.12", server.open)
    page.goto("/accounts/login")
    page.wait_for_function("() => window.Alpine !== undefined")
    page.evaluate(LIVE_PART)
    page.wait_for_selector("[data-live-state=live]")
    return server


def wait_for(page: Page, condition: Callable[[], bool]) -> None:
    for _ in range(100):
        if condition():
            return
        page.wait_for_timeout(20)
    raise AssertionError("It did not happen.")


def heard(page: Page) -> list[list[Any]]:
    return page.evaluate("window.heard")


def waits(page: Page) -> list[float]:
    """How long the page waited before each new try, in milliseconds; `RECORD_WAITS` comes first."""
    return [wait for code, wait in page.evaluate("window.waits") if "retry" in code]


def state(page: Page) -> str | None:
    return page.locator("[data-live-topic]").get_attribute("data-live-state")


def test_messages_fill_in_figures_and_become_events(page: Page, server: Server) -> None:
    server.send(type="progress", at="2026-11-21T07:03:22Z", done=999, total=1000, counts={"sent": 12345})
    expect(page.get_by_text("Live, as of 14:03:22 WIB")).to_be_visible()
    expect(page.locator("[data-live-text]")).to_have_text("12,345")
    expect(page.locator("[data-progress-percent]")).to_have_text("99%")
    assert page.get_by_role("progressbar").get_attribute("aria-valuenow") == "999"
    assert page.get_by_role("progressbar").get_attribute("aria-valuemax") == "1000"
    assert page.locator(".bar").evaluate("bar => bar.style.width") == "99.9%"
    assert heard(page) == [["live:progress", 999]]


def test_a_message_without_a_figure_leaves_it(page: Page, server: Server) -> None:
    server.send(type="progress", done=1)
    wait_for(page, lambda: heard(page) == [["live:progress", 1]])
    expect(page.locator("[data-live-text]")).to_have_text("3")


def test_a_lost_connection_is_said_and_the_truth_fetched_afterwards(page: Page, server: Server) -> None:
    server.send(type="progress", at="2026-11-21T07:03:22Z", done=5)
    expect(page.get_by_text("Live, as of 14:03:22 WIB")).to_be_visible()
    server.sockets[-1].close(code=1011)
    expect(page.get_by_text("Connection lost. Figures as of 14:03:22 WIB")).to_be_visible()
    page.clock.run_for(1300)  # the first wait is a second, a quarter more at most
    wait_for(page, lambda: state(page) == "live")
    assert len(server.sockets) == 2
    assert heard(page) == [["live:progress", 5], ["live:refetch", None]]


def test_waits_double_up_to_half_a_minute(page: Page, server: Server) -> None:
    page.evaluate("window.Math.random = () => 0.5")  # the middle of the jitter
    page.evaluate(RECORD_WAITS)
    page.route_web_socket("**/ws/batch.12", lambda socket: socket.close(code=1011))
    server.sockets[-1].close(code=1011)
    for _ in range(8):
        wait_for(page, lambda: state(page) == "stale")
        page.clock.run_for(31_000)
    assert waits(page)[:7] == [1000, 2000, 4000, 8000, 16000, 30000, 30000]


def test_a_server_that_throws_out_at_once_is_asked_ever_more_slowly(page: Page, server: Server) -> None:
    page.evaluate("window.Math.random = () => 0.5")
    page.evaluate(RECORD_WAITS)
    for number in range(4):
        wait_for(page, lambda: state(page) == "live")
        server.sockets[-1].close(code=1011)
        wait_for(page, lambda: state(page) == "stale")
        assert waits(page)[-1] == 1000 * 2**number
        page.clock.run_for(round(waits(page)[-1]) + 10)
    wait_for(page, lambda: state(page) == "live")
    page.clock.run_for(6_000)
    server.sockets[-1].close(code=1011)
    wait_for(page, lambda: state(page) == "stale")
    assert waits(page)[-1] == 1000


def test_a_connection_that_died_silently_is_given_up(page: Page, server: Server) -> None:
    page.clock.run_for(21_000)
    wait_for(page, lambda: server.received == [{"type": "ping"}])
    page.clock.run_for(15_000)
    assert state(page) == "live"
    server.answers_pings = False
    page.clock.run_for(5_000)
    wait_for(page, lambda: len(server.received) == 2)
    page.clock.run_for(9_500)
    wait_for(page, lambda: state(page) == "stale")
    server.answers_pings = True
    page.clock.run_for(1_300)
    wait_for(page, lambda: state(page) == "live")
    assert len(server.sockets) == 2


def test_an_ended_session_is_said_once_and_for_all(page: Page, server: Server) -> None:
    server.sockets[-1].close(code=4401)
    expect(page.get_by_role("link", name="Sign in again")).to_be_visible()
    page.clock.run_for(120_000)
    assert len(server.sockets) == 1


def test_an_unknown_topic_is_not_asked_for_again(page: Page, server: Server) -> None:
    server.sockets[-1].close(code=4404)
    expect(page.get_by_text("Nothing live here.")).to_be_visible()
    page.clock.run_for(120_000)
    assert len(server.sockets) == 1


def test_a_part_that_left_the_page_stops_listening(page: Page, server: Server) -> None:
    closed: list[int] = []
    server.sockets[-1].on_close(lambda code, reason: closed.append(1))
    page.evaluate("document.querySelector('[data-live-topic]').remove()")
    page.evaluate("document.dispatchEvent(new Event('htmx:after:swap'))")
    wait_for(page, lambda: closed == [1])
    page.clock.run_for(60_000)
    assert len(server.sockets) == 1
