"""Values of attributes: read as people and sheets write them, kept as text in one form a type.

Numbers have no thousands marks and a decimal point (`1500000`, `-2.5`), dates are ISO 8601 (`2026-11-21`), and yes or
no is `yes` or `no`. What texts render is what is stored.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _

from contacts.models.fields import AttributeKind

LONGEST_NUMBER = 60  # signs: what PostgreSQL compares as a number without complaint
YES: Final = {
    *("yes", "y", "true", "t", "1", "on", "✓", "✔"),
    *("ya", "iya", "benar", "sim", "s", "verdadeiro", "si", "verdadero"),
}
NO: Final = {
    *("no", "n", "false", "f", "0", "off", "✗", "✘"),
    *("tidak", "tdk", "nggak", "salah", "nao", "falso"),
}
# Regions where people write 1.500,50. Elsewhere it is 1,500.50.
COMMA_REGIONS: Final = frozenset(
    [
        "ID",
        "BR",
        "PT",
        "ES",
        "AR",
        "CL",
        "CO",
        "EC",
        "UY",
        "PY",
        "VE",
        "BO",
        "CR",
        "DE",
        "AT",
        "FR",
        "IT",
        "NL",
        "BE",
        "PL",
        "RO",
        "RU",
        "UA",
        "TR",
        "GR",
        "CZ",
        "SK",
        "HU",
        "DK",
        "NO",
        "SE",
        "FI",
        "VN",
        "HR",
        "SI",
        "RS",
        "BG",
    ]
)
MONTH_FIRST_REGIONS: Final = frozenset({"US"})
_MONTHS: Final = (
    "jan january januari janeiro enero ene",
    "feb february februari fevereiro fev febrero",
    "mar march maret marco marzo",
    "apr april abril abr",
    "may mei maio mai mayo",
    "jun june juni junho junio",
    "jul july juli julho julio",
    "aug august agustus agu ags agosto ago",
    "sep sept september setembro set septiembre",
    "oct october oktober okt outubro out octubre",
    "nov november novembro noviembre",
    "dec december desember des dezembro dez diciembre dic",
)
_MONTH_NUMBERS: Final = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names.split()}
_CURRENCY = re.compile(r"(?i)^(?:rp\.?|idr|r\$|us\$|brl|usd|eur|mxn|ars|[$€£¥])\s*|\s*(?:€|eur|idr|usd|brl)$")
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_STORED_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ISO = re.compile(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?:[T ][0-9:.+Z-]*)?")
_DAY_MONTH = re.compile(r"([0-9]{1,2})[-/. ]([0-9]{1,2})[-/. ]([0-9]{4})(?: [0-9:.]+)?")
_WITH_MONTH = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th|\.|º)?[ -](?:de )?([a-z]+)\.?,?[ -](?:de )?([0-9]{4})")
_MONTH_DAY = re.compile(r"([a-z]+)\.? ([0-9]{1,2})(?:st|nd|rd|th)?,? ([0-9]{4})")


class DoesNotFit(ValueError):
    """A value is not of the attribute's type. The message is for people and says what would fit."""


def canonical(kind: str, written: Any, *, region: str, decimal_mark: str = "") -> str:
    """The stored form of a cell, a JSON value or a text; empty for an empty one. Raises `DoesNotFit`.

    `region` says how people write numbers and dates there; `decimal_mark`, where other values of the same column tell
    which one it is, settles what a number like 1.500 means.
    """
    if written is None:
        return ""
    text = str(written).encode("utf-8", "replace").decode().strip()  # no halves of signs: complaints repeat it
    if not text:
        return ""
    if kind == AttributeKind.NUMBER:
        return _number(written, text, region, decimal_mark)
    if kind == AttributeKind.DATE:
        return _date(written, text, region)
    if kind == AttributeKind.YES_NO:
        return _yes_no(written, text)
    return str(written)


def fitting(
    kinds: Mapping[str, str], written: Mapping[str, Any], *, region: str, known: Mapping[str, Any] | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """The values in their stored form, and of those that do not fit the reason by key; these are left out.

    `kinds` gives the type by key, of text where it says none. A value that stands so in `known` is not read again: what
    is stored already has its form.
    """
    values: dict[str, Any] = {}
    misfits: dict[str, str] = {}
    for key, value in written.items():
        kind = kinds.get(key, AttributeKind.TEXT)
        if kind == AttributeKind.TEXT or (known is not None and known.get(key) == value):
            values[key] = value
            continue
        try:
            values[key] = canonical(kind, value, region=region)
        except DoesNotFit as error:
            misfits[key] = str(error)
    return values, misfits


def shown(kind: str, stored: str) -> str:
    """A stored value as pages show it, in the reader's language; one that does not fit its type stays as it is."""
    if kind == AttributeKind.NUMBER and _NUMBER.fullmatch(stored):
        number = Decimal(stored)
        exponent = number.as_tuple().exponent
        return number_format(number, decimal_pos=max(0, -int(exponent)), force_grouping=True)
    if kind == AttributeKind.DATE and (day := _day_of(stored)):
        return date_format(day, "DATE_FORMAT")
    if kind == AttributeKind.YES_NO and stored in ("yes", "no"):
        return _("Yes") if stored == "yes" else _("No")
    return stored


def decimal_mark_of(texts: Iterable[str]) -> str:
    """The decimal mark that the numbers of one column use, where one of them can only be read in one way.

    Empty where none tells, or where they contradict each other.
    """
    marks = {mark for text in texts if (mark := _mark_told_by(_bare(text)))}
    return marks.pop() if len(marks) == 1 else ""


def _number(written: Any, text: str, region: str, decimal_mark: str) -> str:
    if isinstance(written, bool):
        raise DoesNotFit(_("“%(value)s” is not a number.") % {"value": text[:40]})
    if isinstance(written, (int, Decimal)):
        return _plain(Decimal(written), text)
    if isinstance(written, float):
        return _plain(Decimal(repr(written)), text)
    bare = _bare(text)
    proved = _mark_told_by(bare) or decimal_mark
    told = proved or ("," if region in COMMA_REGIONS else ".")
    thousands = "." if told == "," else ","
    if not proved and told == "," and re.fullmatch(r"[+-]?[0-9]{1,3},[0-9]{3}", bare):
        raise DoesNotFit(
            _(
                "“%(value)s” can be read in two ways. Write it without the comma, or with a different number of decimals."
            )
            % {"value": text[:40]}
        )
    plain = bare.replace(thousands, "") if _is_grouped(bare, thousands, told) else bare
    plain = plain.replace(told, ".")
    if not _NUMBER.fullmatch(plain) or len(plain) > LONGEST_NUMBER:
        raise DoesNotFit(_("“%(value)s” is not a number, such as 1500 or 12.5.") % {"value": text[:40]})
    return _plain(Decimal(plain), text)


def _plain(number: Decimal, text: str) -> str:
    """Without exponent, plus sign, needless zeros and a negative zero."""
    if not number.is_finite() or abs(number.adjusted()) >= LONGEST_NUMBER // 2:
        raise DoesNotFit(_("“%(value)s” is not a number, such as 1500 or 12.5.") % {"value": text[:40]})
    plain = f"{number:f}"
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    if len(plain) > LONGEST_NUMBER:
        raise DoesNotFit(_("“%(value)s” has too many digits.") % {"value": text[:40]})
    return "0" if plain in ("-0", "") else plain


def _bare(text: str) -> str:
    """Without a currency, spaces and apostrophes between the digits."""
    return re.sub(r"[\s'’_\u00a0\u202f]", "", _CURRENCY.sub("", unicodedata.normalize("NFKC", text.strip())))


def _mark_told_by(bare: str) -> str:
    """The decimal mark that this number alone proves: the last of two different marks, the mark of a number with other
    than three digits behind it, and the one that a repeated mark is not. Empty where it proves nothing."""
    digits = bare.lstrip("+-")
    if not re.fullmatch(r"[0-9.,]*[0-9]", digits):
        return ""
    points, commas = digits.count("."), digits.count(",")
    if points and commas:
        last = max(digits.rfind("."), digits.rfind(","))
        return digits[last] if digits.count(digits[last]) == 1 else ""
    if points > 1 or commas > 1:
        return "," if points else "."
    if points or commas:
        mark = "." if points else ","
        whole, decimals = digits.split(mark)
        if len(decimals) != 3 or len(whole) > 3 or not whole or whole.startswith("0"):
            return mark
    return ""


def _is_grouped(bare: str, thousands: str, decimal: str) -> bool:
    whole = bare.split(decimal)[0]
    return bool(re.fullmatch(rf"[+-]?[0-9]{{1,3}}(?:{re.escape(thousands)}[0-9]{{3}})+", whole))


def _date(written: Any, text: str, region: str) -> str:
    if isinstance(written, datetime):
        return written.date().isoformat()
    if isinstance(written, date):
        return written.isoformat()
    plain = _without_accents(text)
    found: tuple[Any, Any, Any] | None = None
    if match := _ISO.fullmatch(text):
        found = match[1], match[2], match[3]
    elif match := _DAY_MONTH.fullmatch(plain):
        is_month_first = region in MONTH_FIRST_REGIONS and int(match[1]) <= 12
        found = (match[3], match[1], match[2]) if is_month_first else (match[3], match[2], match[1])
    elif match := _WITH_MONTH.fullmatch(plain):
        found = match[3], _MONTH_NUMBERS.get(match[2]), match[1]
    elif match := _MONTH_DAY.fullmatch(plain):
        found = match[3], _MONTH_NUMBERS.get(match[1]), match[2]
    try:
        if found is not None and found[1] is not None:
            return date(int(found[0]), int(found[1]), int(found[2])).isoformat()
    except ValueError:
        pass
    raise DoesNotFit(
        _("“%(value)s” is not a date. Write the year in full, such as 2026-11-21 or 21/11/2026.")
        % {"value": text[:40]}
    )


def _day_of(stored: str) -> date | None:
    try:
        return date.fromisoformat(stored) if _STORED_DATE.fullmatch(stored) else None
    except ValueError:
        return None


def _yes_no(written: Any, text: str) -> str:
    if isinstance(written, bool):
        return "yes" if written else "no"
    word = _without_accents(text)
    if word in YES:
        return "yes"
    if word in NO:
        return "no"
    raise DoesNotFit(_("“%(value)s” is neither yes nor no.") % {"value": text[:40]})


def _without_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.casefold())
    return " ".join("".join(sign for sign in decomposed if not unicodedata.combining(sign)).split())
