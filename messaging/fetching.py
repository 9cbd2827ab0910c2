"""Fetches what a user's URL points to, without letting the user aim at what only this machine can reach.

The host is looked up once, every address that it has must be public, and the connection goes to one of exactly those:
a name that answers differently the next time changes nothing. Redirects pass through the same checks.
"""

import http.client
import ipaddress
import socket
import ssl
import tempfile
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from email.message import Message as Headers
from typing import IO
from urllib.parse import SplitResult, unquote, urljoin, urlsplit

from django.conf import settings
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _

SECONDS_IN_ALL = 30.0
SECONDS_WITHOUT_A_BYTE = 10.0
MOST_REDIRECTS = 3
MOST_ADDRESSES = 3
REDIRECTS = {301, 302, 303, 307, 308}
CHUNK_BYTES = 64 * 1024
IN_MEMORY_BYTES = 1024 * 1024
# Ranges that lead to IPv4 addresses of the embedder's choice: NAT64, 6to4, Teredo, IPv4-compatible.
_WITH_IPV4_INSIDE = [ipaddress.ip_network(each) for each in ("64:ff9b::/96", "2002::/16", "2001::/32", "::/96")]

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class FetchError(Exception):
    """The file could not be fetched. The text is for the person who gave the URL."""


@dataclass
class Fetched:
    """A file at its beginning, with what the server said of it. Closing the file removes it."""

    file: IO[bytes]
    mime_type: str
    file_name: str


def fetch(url: str, *, most_bytes: int) -> Fetched:
    """Raises `FetchError`, also where the file is larger than `most_bytes` or takes too long."""
    deadline = time.monotonic() + SECONDS_IN_ALL
    for _redirect in range(MOST_REDIRECTS + 1):
        answer = _ask(url, most_bytes, deadline)
        if isinstance(answer, Fetched):
            return answer
        url = urljoin(url, answer)
    raise FetchError(_("The address redirects too often."))


def _ask(url: str, most_bytes: int, deadline: float) -> Fetched | str:
    """The file, or where the server says that it is."""
    parts, port = _checked(url)
    connection = _PinnedConnection(parts, port, public_addresses(str(parts.hostname), port))
    # Whoever sends a byte every few seconds would hold this process for ever.
    bell = threading.Timer(max(0.1, deadline - time.monotonic()), connection.hang_up)
    bell.start()
    try:
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection.request("GET", target, headers={"Accept-Encoding": "identity", "User-Agent": "WhatsAppAutomation"})
        response = connection.getresponse()
        if response.status in REDIRECTS and (where := response.headers.get("Location")):
            return str(where)
        if response.status != 200:
            raise FetchError(_("The server answered %(status)s.") % {"status": response.status})
        return Fetched(_read(response, most_bytes, deadline), *_described(response.headers, parts))
    except (OSError, http.client.HTTPException, UnicodeError) as error:
        if time.monotonic() >= deadline:
            raise _too_late() from error
        raise FetchError(_("The file could not be fetched: %(error)s.") % {"error": error}) from error
    finally:
        bell.cancel()
        connection.close()


def _checked(url: str) -> tuple[SplitResult, int]:
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise FetchError(_("This is not a usable address.")) from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise FetchError(_("The address must begin with https:// or http://."))
    if parts.username is not None or any(sign.isspace() or not sign.isprintable() for sign in url):
        raise FetchError(_("This is not a usable address."))
    if port < 1024 and port not in (80, 443):
        raise FetchError(_("The port %(port)d is not for files.") % {"port": port})
    return parts, port


def public_addresses(host: str, port: int) -> list[str]:
    """The addresses of the host. Raises `FetchError` if any of them is not public, or it has none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise FetchError(_("There is no server %(host)s.") % {"host": host}) from error
    addresses = [ipaddress.ip_address(str(each[4][0]).split("%")[0]) for each in found]
    if not addresses or not all(map(_may_be_asked, addresses)):
        raise FetchError(_("%(host)s is not a public address, and only those may be asked.") % {"host": host})
    return [str(address) for address in dict.fromkeys(addresses)]


def _may_be_asked(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    networks = [ipaddress.ip_network(each, strict=False) for each in settings.FETCH_ALLOWED_NETWORKS]
    if any(address in network for network in networks):
        return True
    if any(address in network for network in _WITH_IPV4_INSIDE):
        return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class _PinnedConnection(http.client.HTTPConnection):
    """Connects to an address that was checked, and speaks to it under the host's name, also in TLS."""

    def __init__(self, parts: SplitResult, port: int, addresses: list[str]) -> None:
        super().__init__(str(parts.hostname), port, timeout=SECONDS_WITHOUT_A_BYTE)
        self._addresses = addresses
        self._socket: socket.socket | None = None  # also once the response has taken `sock` over
        self._is_tls = parts.scheme == "https"
        if self._is_tls:
            self.default_port = 443  # so that the Host header names the port only where it is another

    def connect(self) -> None:
        self.sock = self._connected()
        if self._is_tls:
            self._socket = self.sock
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self.host)
        self._socket = self.sock

    def _connected(self) -> socket.socket:
        *others, last = self._addresses[:MOST_ADDRESSES]
        for address in others:
            try:
                return socket.create_connection((address, self.port), timeout=SECONDS_WITHOUT_A_BYTE)
            except OSError:
                continue  # such as IPv6 where there is none
        return socket.create_connection((last, self.port), timeout=SECONDS_WITHOUT_A_BYTE)

    def hang_up(self) -> None:
        """Ends whatever waits for the server, from another thread."""
        if self._socket is not None:
            with suppress(OSError):  # it has ended by itself
                self._socket.shutdown(socket.SHUT_RDWR)


def _too_late() -> FetchError:
    return FetchError(_("The file did not arrive within %(n)d seconds.") % {"n": SECONDS_IN_ALL})


def _read(response: http.client.HTTPResponse, most_bytes: int, deadline: float) -> IO[bytes]:
    too_large = FetchError(_("The file is larger than %(size)s.") % {"size": filesizeformat(most_bytes)})
    if response.length is not None and response.length > most_bytes:
        raise too_large
    file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY_BYTES)  # noqa: SIM115  closed by who asked for it
    expected, size = response.length, 0
    while chunk := response.read1(CHUNK_BYTES):
        size += len(chunk)
        if size > most_bytes:
            file.close()
            raise too_large
        file.write(chunk)
    if time.monotonic() >= deadline:  # then the end may be ours, not the file's
        file.close()
        raise _too_late()
    if expected is not None and size < expected:
        file.close()
        raise http.client.IncompleteRead(b"", expected - size)
    file.seek(0)
    return file


def _described(headers: Headers, parts: SplitResult) -> tuple[str, str]:
    """Type and file name, as the server states them or the address ends."""
    stated = headers.get_filename() or unquote(parts.path.rsplit("/", 1)[-1])
    return str(headers.get("Content-Type") or "").strip(), stated.replace("\\", "/").rsplit("/", 1)[-1][-255:]
