"""The columns of a sheet: the variable that each one gives, and which of them hold the phone and the name."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from contacts.phone_numbers import find_mobile

PHONE, NAME, PLAIN = "phone", "name", ""

# Words of headers in English, Indonesian, Portuguese and Spanish, without accents; the first group wins.
PHONE_WORDS: Final = (
    {"whatsapp", "wa", "wasap"},
    {"mobile", "cell", "cellphone", "handphone", "hp", "ponsel", "celular", "movil", "telemovel", "msisdn", "seluler"},
    {"phone", "telephone", "tel", "telp", "tlp", "telepon", "telpon", "telefone", "telefono", "fone", "fono"},
)
# Only with content that agrees: an order has a number too.
WEAK_PHONE_WORDS: Final = {"number", "nomor", "no", "nr", "numero", "num", "contact", "kontak", "contato", "contacto"}
# What makes a column of phones the wrong one while another is there.
SECOND_CHOICE_WORDS: Final = {
    *("home", "office", "work", "fax", "landline", "alternative", "secondary", "2"),
    *("rumah", "kantor", "darurat", "emergency", "casa", "oficina", "trabajo", "trabalho", "residencial", "fixo"),
    *("fijo", "id", "type", "tipe", "tipo", "model", "brand", "merek"),
}
NAME_HEADERS: Final = (
    *("full_name", "fullname", "nama_lengkap", "nome_completo", "nombre_completo", "nombre_y_apellido"),
    *("name", "nama", "nome", "nombre"),
    *("customer_name", "contact_name", "client_name", "nama_pelanggan", "nama_konsumen", "nama_customer"),
    *("nama_kontak", "nome_do_cliente", "nombre_del_cliente", "nombre_cliente", "nome_cliente"),
    *("first_name", "firstname", "given_name", "nama_depan", "primeiro_nome", "primer_nombre"),
    *("customer", "client", "pelanggan", "konsumen", "cliente", "contact_person", "panggilan"),
)
MOSTLY = 0.5  # the share of filled cells that must read as numbers for a column to be the phones by its content


@dataclass(frozen=True, slots=True)
class Column:
    """`key` is the variable's name in texts, `role` is "phone", "name" or ""."""

    key: str
    header: str
    role: str = PLAIN

    def as_json(self) -> dict[str, str]:
        return asdict(self)


def variable_key(name: str) -> str:
    """The name of a variable as it is compared: `Jumlah Tagihan` and `{{ jumlah_tagihan }}` are the same.

    Empty where nothing in it is a letter or a digit.
    """
    folded = unicodedata.normalize("NFKC", name).casefold()
    # Marks belong to the letter before them in scripts that write vowels so.
    kept = (sign if sign.isalnum() or unicodedata.category(sign)[0] == "M" else " " for sign in folded)
    return "_".join("".join(kept).split())


def identify(headers: Sequence[str], sample: Sequence[Sequence[Any]], region: str) -> list[Column]:
    """The columns under `headers`, judged by these and by the first rows (`sample`, cells as read).

    No column has the role "phone" where none was found.
    """
    keys = _unique_keys(headers)
    phone = _phone_column(headers, sample, region)
    name = _name_column(keys, excluded=phone)
    roles = {phone: PHONE, name: NAME}
    return [
        Column(key, header, roles.get(index, PLAIN))
        for index, (key, header) in enumerate(zip(keys, headers, strict=True))
    ]


def variables_of(columns: Iterable[Column]) -> list[str]:
    """The names that texts may use with these columns: every key, and `name` and `phone` for their columns."""
    columns = list(columns)
    keys = [column.key for column in columns]
    aliases = [role for role in (NAME, PHONE) if any(column.role == role for column in columns)]
    return keys + [alias for alias in aliases if alias not in keys]


def from_json(columns: Iterable[dict[str, str]]) -> list[Column]:
    return [Column(**column) for column in columns]


def letter(index: int) -> str:
    """What Excel calls the column at `index` (0 is A)."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def _unique_keys(headers: Sequence[str]) -> list[str]:
    keys: list[str] = []
    for index, header in enumerate(headers):
        wanted = variable_key(header) or f"column_{letter(index).lower()}"
        key, number = wanted, 1
        while key in keys:
            number += 1
            key = f"{wanted}_{number}"
        keys.append(key)
    return keys


def _plain_words(header: str) -> set[str]:
    decomposed = unicodedata.normalize("NFD", header.casefold())
    return set(re.findall(r"[a-z]+|[0-9]+", "".join(s for s in decomposed if not unicodedata.combining(s))))


def _phone_column(headers: Sequence[str], sample: Sequence[Sequence[Any]], region: str) -> int | None:
    """By header first, as long as the content does not speak against it; else by content alone."""
    shares = [_share_of_numbers(sample, index, region) for index in range(len(headers))]
    named = [(rank, index) for index, header in enumerate(headers) if (rank := _phone_rank(header)) is not None]
    for _rank, index in sorted(named, key=lambda found: (found[0], -round(shares[found[1]] or 0, 1), found[1])):
        if shares[index] is None or shares[index] != 0:  # an empty column may be meant: its rows are then listed
            return index
    best = max(range(len(headers)), key=lambda index: shares[index] or 0, default=None)
    if best is not None and (shares[best] or 0) > MOSTLY:
        return best
    return min(named)[1] if named else _weakly_named(headers, shares)


def _phone_rank(header: str) -> float | None:
    """Lower is better; None where the header names no phone."""
    words = _plain_words(header)
    for rank, group in enumerate(PHONE_WORDS):
        if words & group:
            return rank + (len(PHONE_WORDS) if words & SECOND_CHOICE_WORDS else 0)
    return None


def _weakly_named(headers: Sequence[str], shares: Sequence[float | None]) -> int | None:
    for index, header in enumerate(headers):
        if _plain_words(header) & WEAK_PHONE_WORDS and shares[index]:
            return index
    return None


def _share_of_numbers(sample: Sequence[Sequence[Any]], index: int, region: str) -> float | None:
    """The share of filled cells that read as mobile numbers; None where no cell is filled."""
    filled = [row[index] for row in sample if index < len(row) and row[index] not in ("", None)]
    if not filled:
        return None
    return sum(find_mobile(cell, region) is not None for cell in filled) / len(filled)


def _name_column(keys: Sequence[str], excluded: int | None) -> int | None:
    plain = ["_".join(re.findall(r"[a-z0-9]+", key)) for key in keys]
    for wanted in NAME_HEADERS:
        if wanted in plain and plain.index(wanted) != excluded:
            return plain.index(wanted)
    return None
