"""Countries as people write them in a column: names in four languages, ISO codes, dialling codes."""

import re
import unicodedata
from functools import cache, lru_cache
from typing import Any, Final

import phonenumbers
from babel import Locale
from babel.core import get_global
from phonenumbers.phonenumberutil import COUNTRY_CODE_TO_REGION_CODE

LANGUAGES: Final = ("en", "id", "pt", "es")
# What people write and CLDR does not list.
ALSO_CALLED: Final = {
    **dict.fromkeys(("england", "great britain", "inggris", "inglaterra", "scotland", "wales"), "GB"),
    "holland": "NL",
    "holanda": "NL",
    "uae": "AE",
    "viet nam": "VN",
    "turkey": "TR",
    "ivory coast": "CI",
    "czech republic": "CZ",
    "korea": "KR",
    "corea": "KR",
    "coreia": "KR",
    "burma": "MM",
    "usa": "US",
}
LONGEST = 100  # signs


def region_of(written: Any) -> str | None:
    """The two letters of a country, or None where it is not known.

    A dialling code that several countries share gives the first of them: numbers then keep their own.
    """
    if isinstance(written, float) and written.is_integer():
        written = int(written)
    return _region_of(str(written)[:LONGEST])


@lru_cache(maxsize=4096)
def _region_of(written: str) -> str | None:
    if code := re.fullmatch(r"\s*(?:\+|00)?\s*([0-9]{1,3})\s*", written):
        regions = COUNTRY_CODE_TO_REGION_CODE.get(int(code[1]), ())
        return regions[0] if regions and regions[0] != "001" else None
    return _by_name().get(_plain(written))


@cache
def _by_name() -> dict[str, str]:
    """Regions by their names and codes, in the form of `_plain`."""
    known = phonenumbers.SUPPORTED_REGIONS
    names = {_plain(region): region for region in known}
    for code, regions in get_global("territory_aliases").items():  # IDN, BRA, UK; one that fell apart has several
        if code.isalpha() and len(regions) == 1 and regions[0] in known:
            names.setdefault(_plain(code), regions[0])
    for language in LANGUAGES:
        for region, name in Locale(language).territories.items():
            if region in known:
                names.setdefault(_plain(name), region)
    return {**ALSO_CALLED, **names}


def _plain(name: str) -> str:
    """Small letters without accents and punctuation."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    letters = "".join(sign for sign in decomposed if not unicodedata.combining(sign))
    return " ".join(re.findall(r"\w+", letters))
