"""The columns of a sheet: the variable that each one gives, and what role each plays, guessed from header and content.

`contacts.mapping` is how somebody changes that.
"""

import re
import unicodedata
from collections.abc import Container, Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from django.utils.translation import gettext_lazy

from contacts.limits import letter
from contacts.phone_numbers import read_number

PHONE, NAME, PLAIN = "phone", "name", ""
COUNTRY = "country"  # of the number beside it: a name, an ISO code or a dialling code
TAGS = "tags"  # see `cells.tags_of`
CONSENT, CONSENT_AT, CONSENT_SOURCE = "consent", "consent_at", "consent_source"  # see `cells.agrees`
IGNORE = "ignore"  # left out of everything
ROLES: Final = {
    PHONE: gettext_lazy("Phone number"),
    NAME: gettext_lazy("Name"),
    COUNTRY: gettext_lazy("Country of the number"),
    TAGS: gettext_lazy("Tags"),
    CONSENT: gettext_lazy("Consent (yes or no)"),
    CONSENT_AT: gettext_lazy("Consent given on"),
    CONSENT_SOURCE: gettext_lazy("Consent given where"),
    PLAIN: gettext_lazy("Attribute"),
    IGNORE: gettext_lazy("Leave out"),
}
MANY_TIMES: Final = (PLAIN, IGNORE)  # all other roles belong to one column of a sheet

# Words of headers in English, Indonesian, Portuguese and Spanish, without accents; the first group wins.
PHONE_WORDS: Final = (
    {"whatsapp", "wa", "wasap"},
    {"mobile", "cell", "cellphone", "handphone", "hp", "ponsel", "celular", "movil", "telemovel", "msisdn", "seluler"},
    {"phone", "telephone", "tel", "telp", "tlp", "telepon", "telpon", "telefone", "telefono", "fone", "fono"},
)
# Only with content that agrees: an order has a number too.
WEAK_PHONE_WORDS: Final = {"number", "nomor", "no", "nr", "numero", "num", "contact", "kontak", "contato", "contacto"}
COUNTRY_HEADERS: Final = (
    *("country", "negara", "pais", "country_code", "kode_negara", "codigo_pais", "codigo_do_pais", "codigo_de_pais"),
    *("dial_code", "dialing_code", "dialling_code", "calling_code", "ddi", "country_name", "nama_negara", "nacao"),
)
TAGS_HEADERS: Final = (
    *("tags", "tag", "labels", "label", "etiquetas", "etiqueta", "marcadores", "marcador", "penanda", "tagar"),
)
CONSENT_HEADERS: Final = (
    *("consent", "opt_in", "optin", "opted_in", "whatsapp_consent", "marketing_consent", "gdpr_consent", "subscribed"),
    *("persetujuan", "setuju", "izin", "consentimento", "autorizacao", "aceita", "aceite", "lgpd"),
    *("consentimiento", "autorizacion", "acepta", "acepto", "suscrito", "inscrito"),
)
CONSENT_AT_HEADERS: Final = (
    *("consent_date", "consent_at", "consent_time", "opt_in_date", "optin_date", "opt_in_at", "date_of_consent"),
    *("tanggal_persetujuan", "data_do_consentimento", "data_consentimento", "data_de_consentimento"),
    *("fecha_de_consentimiento", "fecha_consentimiento", "fecha_del_consentimiento"),
)
CONSENT_SOURCE_HEADERS: Final = (
    *("consent_source", "source_of_consent", "opt_in_source", "optin_source", "sumber_persetujuan"),
    *("origem_do_consentimento", "origem_consentimento", "origen_del_consentimiento", "origen_consentimiento"),
)
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
    """`key` is the variable's name in texts, `role` is one of `ROLES`."""

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
    country = _column_called(COUNTRY_HEADERS, headers, excluded=())
    roles: dict[int, str] = {}
    if (phone := _phone_column(headers, sample, region, country)) is not None:
        roles[phone] = PHONE
    for role, wanted in HEADERS_BY_ROLE.items():
        if (index := _column_called(wanted, headers, excluded=roles)) is not None:
            roles[index] = role
    return [
        Column(key, header, roles.get(index, PLAIN))
        for index, (key, header) in enumerate(zip(keys, headers, strict=True))
    ]


def variables_of(columns: Iterable[Column]) -> list[str]:
    """The names that texts may use with these columns: every key, and `name` and `phone` for their columns."""
    columns = list(columns)
    keys = [column.key for column in columns if column.role != IGNORE]
    aliases = [role for role in (NAME, PHONE) if any(column.role == role for column in columns)]
    return keys + [alias for alias in aliases if alias not in keys]


def from_json(columns: Iterable[dict[str, str]]) -> list[Column]:
    return [Column(**column) for column in columns]


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


def _without_accents(header: str) -> str:
    decomposed = unicodedata.normalize("NFKD", header.casefold())
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))


def _plain_words(header: str) -> set[str]:
    return set(re.findall(r"[a-z]+|[0-9]+", _without_accents(header)))


def _phone_column(
    headers: Sequence[str], sample: Sequence[Sequence[Any]], region: str, country: int | None
) -> int | None:
    """By header first, as long as the content does not speak against it; else by content alone."""
    shares = [_share_of_numbers(sample, index, region, country) for index in range(len(headers))]
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


def _share_of_numbers(sample: Sequence[Sequence[Any]], index: int, region: str, country: int | None) -> float | None:
    """The share of filled cells that read as mobile numbers; None where no cell is filled."""
    filled = [row for row in sample if index < len(row) and row[index] not in ("", None)]
    if not filled:
        return None
    beside = ("" if country is None or country == index or country >= len(row) else row[country] for row in filled)
    found = (read_number(row[index], region, country=name).number for row, name in zip(filled, beside, strict=True))
    return sum(map(bool, found)) / len(filled)


def _column_called(wanted: Sequence[str], headers: Sequence[str], excluded: Container[int]) -> int | None:
    """The column whose header is the first possible of these, without accents and punctuation."""
    plain = ["_".join(re.findall(r"[a-z0-9]+", _without_accents(header))) for header in headers]
    for header in wanted:
        for index, name in enumerate(plain):
            if name == header and index not in excluded:
                return index
    return None


HEADERS_BY_ROLE: Final = {
    NAME: NAME_HEADERS,
    COUNTRY: COUNTRY_HEADERS,
    TAGS: TAGS_HEADERS,
    CONSENT_AT: CONSENT_AT_HEADERS,
    CONSENT_SOURCE: CONSENT_SOURCE_HEADERS,
    CONSENT: CONSENT_HEADERS,
}
