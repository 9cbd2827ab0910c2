"""Who follows a link without being a person: what fetches previews, crawlers, scanners of mail and links.

The rules, in their order; the first that fits is kept with the click:

| reason | |
|---|---|
| `head` | the method is HEAD: nobody reads a page that way |
| `prefetch` | the browser says that it loads ahead (`Sec-Purpose`, `Purpose`, `X-Purpose`, `X-Moz`) |
| `no_browser` | no user agent at all |
| `crawler` | the user agent is that of a known fetcher: WhatsApp's previews, search engines, programming libraries |
| `too_soon` | within two seconds of the delivery, as far as it is known, else of the sending |
| `data_centre` | within a minute of it, from one of `LINK_BOT_NETWORKS` |
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

import crawleruseragents
from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

TOO_SOON = timedelta(seconds=2)
SCANNED_WITHIN = timedelta(seconds=60)
_LOADED_AHEAD = {"Sec-Purpose": "prefetch", "Purpose": "prefetch", "X-Purpose": "preview", "X-Moz": "prefetch"}


class BotReason(models.TextChoices):
    HEAD = "head", _("Only asked whether it is there")
    PREFETCH = "prefetch", _("Loaded ahead by a browser")
    NO_BROWSER = "no_browser", _("No browser")
    CRAWLER = "crawler", _("A preview or a crawler")
    TOO_SOON = "too_soon", _("Sooner than a person can")
    DATA_CENTRE = "data_centre", _("From a data centre, right after the delivery")


def reason(*, method: str, headers: Mapping[str, str], address: str, after: timedelta) -> str:
    """Why this is no person, or empty. `after` is how long ago the message was delivered or sent."""
    if method == "HEAD":
        return BotReason.HEAD
    if any(word in headers.get(name, "").lower() for name, word in _LOADED_AHEAD.items()):
        return BotReason.PREFETCH
    agent = headers.get("User-Agent", "").strip()
    if not agent:
        return BotReason.NO_BROWSER
    if crawleruseragents.is_crawler(agent):
        return BotReason.CRAWLER
    if after < TOO_SOON:
        return BotReason.TOO_SOON
    if after < SCANNED_WITHIN and _is_of_data_centre(address):
        return BotReason.DATA_CENTRE
    return ""


def _is_of_data_centre(address: str) -> bool:
    try:
        ip = ip_address(address)
    except ValueError:
        return False
    return any(ip in network for network in _networks(tuple(settings.LINK_BOT_NETWORKS)))


@cache
def _networks(written: tuple[str, ...]) -> list[IPv4Network | IPv6Network]:
    return [ip_network(each) for each in written]
