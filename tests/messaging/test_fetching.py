"""A URL that a user gives reaches public addresses, and nothing else, however it tries."""

import socket
import time
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from messaging import fetching
from messaging.fetching import FetchError, fetch
from tests.messaging.file_server import serving


@pytest.fixture
def loopback(settings: Settings) -> None:
    settings.FETCH_ALLOWED_NETWORKS = ["127.0.0.0/8"]


def names(monkeypatch: pytest.MonkeyPatch, *answers: str) -> list[str]:
    """The name server gives these addresses, one after the other, and the last one from then on."""
    asked: list[str] = []
    really = socket.getaddrinfo

    def look_up(host: str, port: int, *args: Any, **kwargs: Any) -> list[Any]:
        if host[0].isdecimal():
            return really(host, port, *args, **kwargs)
        asked.append(host)
        address = answers[min(len(asked), len(answers)) - 1]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return asked


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.0.0.1", "172.16.5.5", "192.168.1.1", "169.254.169.254", "100.64.0.1"),
        "0.0.0.0",  # noqa: S104  nothing is bound
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "::1", "fe80::1", "fd00:ec2::254", "::ffff:127.0.0.1"),
        *("64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1", "ff02::1"),
    ],
)
def test_only_public_addresses_are_asked(address: str) -> None:
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(FetchError, match="not a public address"):
        fetch(f"http://{host}:8080/x", most_bytes=10)


@pytest.mark.parametrize("spelling", ["127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "LOCALHOST."])
def test_other_spellings_lead_nowhere_else(spelling: str) -> None:
    with serving({"/x": (200, {}, b"secret")}) as server, pytest.raises(FetchError):
        fetch(f"http://{spelling}:{server.port}/x", most_bytes=10)
    assert server.asked == []


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.com/x", "file:///etc/passwd", "//example.com/x", "http://", "http://user@example.com/x"),
        *(
            "http://example.com:22/x",
            "http://example.com:99999/x",
            "http://exa mple.com/",
            "http://example.com/\r\nX: y",
        ),
    ],
)
def test_odd_addresses_are_refused(url: str) -> None:
    with pytest.raises(FetchError):
        fetch(url, most_bytes=10)


@pytest.mark.usefixtures("loopback")
def test_a_file_comes_with_its_type_and_name() -> None:
    headers = {"Content-Type": "image/png", "Content-Disposition": 'attachment; filename="../menu 1.png"'}
    with serving({"/a/b.png?x=1": (200, headers, b"picture")}) as server:
        fetched = fetch(f"{server.url}/a/b.png?x=1", most_bytes=7)
    assert (fetched.file.read(), fetched.mime_type, fetched.file_name) == (b"picture", "image/png", "menu 1.png")


@pytest.mark.usefixtures("loopback")
def test_a_redirect_passes_the_same_checks(settings: Settings) -> None:
    with serving({"/secret": (200, {}, b"secret")}) as inner:
        inner_url = f"http://127.0.0.2:{inner.port}/secret"
        settings.FETCH_ALLOWED_NETWORKS = ["127.0.0.1/32"]
        answers: dict[str, Any] = {
            "/out": (302, {"Location": inner_url}, b""),
            "/here": (301, {"Location": "file.txt"}, b""),
            "/file.txt": (200, {}, b"fine"),
            "/round": (302, {"Location": "/round"}, b""),
        }
        with serving(answers) as server:
            with pytest.raises(FetchError, match="not a public address"):
                fetch(f"{server.url}/out", most_bytes=10)
            assert fetch(f"{server.url}/here", most_bytes=10).file.read() == b"fine"
            with pytest.raises(FetchError, match="redirects too often"):
                fetch(f"{server.url}/round", most_bytes=10)
    assert inner.asked == []


def test_a_name_that_changes_its_address_is_asked_where_it_was_checked(
    monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.FETCH_ALLOWED_NETWORKS = ["127.0.0.1/32"]
    with serving({"/x": (200, {}, b"fine")}) as server:
        looked_up = names(monkeypatch, "127.0.0.1", "169.254.169.254")
        assert fetch(f"http://rebinding.example:{server.port}/x", most_bytes=10).file.read() == b"fine"
    assert looked_up == ["rebinding.example"]
    assert server.hosts == [f"rebinding.example:{server.port}"]


def test_one_private_address_among_several_spoils_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 80)) for address in ("93.184.215.14", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kwargs: found)
    with pytest.raises(FetchError, match="not a public address"):
        fetch("http://both.example/", most_bytes=10)


@pytest.mark.usefixtures("loopback")
def test_too_much_is_refused_also_where_the_server_does_not_say_it() -> None:
    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        handler.wfile.write(b"x" * 100_000)

    with serving({"/stated": (200, {}, b"x" * 11), "/endless": endless}) as server:
        for path in ("/stated", "/endless"):
            with pytest.raises(FetchError, match="larger than"):
                fetch(f"{server.url}{path}", most_bytes=10)


@pytest.mark.usefixtures("loopback")
def test_a_server_that_drips_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    def dripping(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            for _ in range(50):
                handler.wfile.write(b"x")
                time.sleep(0.1)
        except OSError:
            return

    monkeypatch.setattr(fetching, "SECONDS_IN_ALL", 0.5)
    with serving({"/": dripping}) as server:
        began = time.monotonic()
        with pytest.raises(FetchError, match="did not arrive"):
            fetch(server.url, most_bytes=1000)
        assert time.monotonic() - began < 2


@pytest.mark.usefixtures("loopback")
def test_a_file_that_breaks_off_is_not_taken() -> None:
    def broken(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "10")
        handler.end_headers()
        handler.wfile.write(b"half")

    with serving({"/": broken, "/gone": (404, {}, b"")}) as server:
        with pytest.raises(FetchError):
            fetch(server.url, most_bytes=1000)
        with pytest.raises(FetchError, match="answered 404"):
            fetch(f"{server.url}/gone", most_bytes=1000)
