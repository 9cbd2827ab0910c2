"""What somebody says about the columns of a sheet."""

import pytest

from contacts.cells import agrees, tags_of
from contacts.columns import Column, identify
from contacts.mapping import MappingError, mapped

HEADERS = ["Nama", "No. HP", "Negara", "Label", "Tanggal Persetujuan", "Persetujuan", "Kota"]
GUESSED = identify(HEADERS, [["Budi", "081234567890", "Indonesia", "vip", "", "ya", "Solo"]], "ID")


def roles(columns: list[Column]) -> list[str]:
    return [column.role for column in columns]


def test_what_is_guessed():
    assert roles(GUESSED) == ["name", "phone", "country", "tags", "consent_at", "consent", ""]


@pytest.mark.parametrize(
    ("header", "role"),
    [
        *(("Country", "country"), ("País", "country"), ("Código do país", "country"), ("Negara", "country")),
        *(("Tags", "tags"), ("Etiquetas", "tags"), ("Opt-in", "consent"), ("Consentimiento", "consent")),
        *(("Consent date", "consent_at"), ("Consent source", "consent_source")),
    ],
)
def test_headers_of_other_roles(header, role):
    assert roles(identify(["Phone", header], [["081234567890", "x"]], "ID")) == ["phone", role]


@pytest.mark.parametrize(
    "mapping",
    [
        [{"index": 6, "role": "name"}, {"header": "Nama", "role": "ignore"}],
        [{"header": " Kota ", "role": "name"}, {"header": "nama", "role": "ignore"}],
        {"Kota": "name", "Nama": "ignore"},
    ],
)
def test_a_mapping_changes_what_it_names_only(mapping):
    assert roles(mapped(GUESSED, mapping)) == ["ignore", "phone", "country", "tags", "consent_at", "consent", "name"]


def test_a_role_given_to_another_column_leaves_the_guessed_one():
    assert roles(mapped(GUESSED, [{"header": "Kota", "role": "name"}]))[0] == ""


def test_a_key_may_be_chosen():
    assert mapped(GUESSED, [{"header": "Kota", "key": "Home town"}])[-1] == Column("home_town", "Kota", "")
    assert mapped(GUESSED, [{"header": "Kota", "role": "attribute"}])[-1] == Column("kota", "Kota", "")


@pytest.mark.parametrize(
    ("mapping", "said"),
    [
        ([{"header": "Town", "role": "name"}], "“Town” that the sheet does not have. Its columns are: Nama, No. HP"),
        ([{"index": 7, "role": "name"}], "“7” that the sheet does not have"),
        ([{"index": True, "role": "name"}], "that the sheet does not have"),
        ([{"header": "Kota", "role": "boss"}], "“boss” in the mapping is no role. Choose one of: phone, name"),
        ([{"header": "Kota", "role": ["name"]}], "is no role"),
        ([{"header": "Kota", "key": "!"}], "no letter or digit"),
        ([{"header": "Kota", "key": "nama"}], "gives “nama” to two columns"),
        ([{"header": "Kota", "role": "name"}, {"index": 0, "role": "name"}], "gives “name” to two columns"),
        ([{"header": "Kota", "role": "name"}, {"index": 6, "role": "tags"}], "names the column “6” twice"),
        ("phone", "must be a list"),
        ([1], "must be a list"),
    ],
)
def test_a_mapping_that_does_not_fit_is_explained(mapping, said):
    with pytest.raises(MappingError, match=said):
        mapped(GUESSED, mapping)


def test_tags_of_a_cell():
    assert tags_of("VIP, lama ;vip|VIP\n ") == ["VIP", "lama", "vip"]


@pytest.mark.parametrize("cell", ["Yes", "y", "TRUE", "1", "1.0", "Ya!", "Sim", "Sí", "SI", "x", "✓", "opt-in"])
def test_what_means_consent(cell):
    assert agrees(cell) is True


@pytest.mark.parametrize(
    ("cell", "answer"), [("Não", False), ("tidak", False), ("0", False), ("", None), ("??", None)]
)
def test_what_does_not(cell, answer):
    assert agrees(cell) is answer
