"""What stands in one cell of a sheet, as text, tags or consent."""

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from typing import Any, Final

Cell = Any  # what calamine gives: text, number, date, time, duration or truth; "" where the cell is empty
_NO_CONTROL_SIGNS: Final = {code: None for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}
YES: Final = frozenset(
    [
        "yes",
        "y",
        "true",
        "t",
        "1",
        "x",
        "ok",
        "agree",
        "agreed",
        "accepted",
        "given",
        "granted",
        "opt_in",
        "opted_in",
        "subscribed",
        "ya",
        "iya",
        "benar",
        "setuju",
        "bersedia",
        "sim",
        "s",
        "verdadeiro",
        "aceito",
        "aceita",
        "autorizado",
        "concedido",
        "si",
        "verdadero",
        "acepto",
        "acepta",
        "aceptado",
        "inscrito",
        "suscrito",
        "✓",
        "✔",
        "☑",
    ]
)
NO: Final = frozenset(
    [
        "no",
        "n",
        "false",
        "f",
        "0",
        "none",
        "opt_out",
        "opted_out",
        "unsubscribed",
        "denied",
        "refused",
        "withdrawn",
        "tidak",
        "tdk",
        "bukan",
        "salah",
        "menolak",
        "nao",
        "falso",
        "recusado",
        "negado",
        "revogado",
        "rechazado",
        "rechaza",
        "revocado",
        "✗",
        "✘",
        "☒",
    ]
)


def is_blank(cells: list[Cell]) -> bool:
    return all(cell == "" or (isinstance(cell, str) and cell.isspace()) for cell in cells)


def cell_text(cell: Cell) -> str:
    """What stands in a cell, as plain text: numbers without an exponent, dates as ISO 8601, text unchanged."""
    if isinstance(cell, str):
        return cell if cell.isprintable() else cell.replace("\r\n", "\n").translate(_NO_CONTROL_SIGNS)
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return _float_text(cell)
    if isinstance(cell, datetime):
        return cell.isoformat(" ", "minutes" if not cell.second else "seconds")
    if isinstance(cell, time):
        return cell.isoformat("minutes" if not cell.second else "seconds")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        seconds = round(cell.total_seconds())
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return str(cell)


def _float_text(number: float) -> str:
    """Excel keeps 15 digits, so these are what was typed."""
    if number.is_integer() and abs(number) < 1e15:
        return str(int(number))
    text = f"{number:.15g}"
    return text if "e" not in text else f"{number:.15f}".rstrip("0").rstrip(".")


def tags_of(text: str) -> list[str]:
    """The tags of a cell, which stand between commas, semicolons, bars or line breaks."""
    tags = (" ".join(tag.split()) for tag in re.split(r"[,;|\n]", text))
    return list(dict.fromkeys(tag for tag in tags if tag))


def agrees(text: str) -> bool | None:
    """Whether a cell of consent says yes; None where it says neither yes nor no."""
    decomposed = unicodedata.normalize("NFKD", text.strip().casefold())
    word = "_".join("".join(sign for sign in decomposed if not unicodedata.combining(sign)).replace("-", " ").split())
    word = word.removesuffix(".0").strip(".!")
    return True if word in YES else False if word in NO else None
