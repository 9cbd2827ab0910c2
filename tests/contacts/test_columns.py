"""Which column holds the phone and which the name, and what columns are called in texts."""

import pytest

from contacts.columns import identify, variable_key
from contacts.limits import letter

NUMBERS = ["081234567890", "+62 813-1111-2222", 6281234567899.0]


def roles(headers, *rows):
    return {column.role: column.header for column in identify(headers, rows, "ID") if column.role}


@pytest.mark.parametrize(
    ("phone", "name"),
    [
        ("Phone", "Name"),
        ("Mobile Number", "Full name"),
        ("Cell", "Customer Name"),
        ("WhatsApp", "First Name"),
        ("No. HP", "Nama"),
        ("Nomor Telepon", "Nama Lengkap"),
        ("NO_WA", "Nama Pelanggan"),
        ("Telp", "Pelanggan"),
        ("Telefone", "Nome"),
        ("Nº do Celular", "Nome completo"),
        ("Telemóvel", "Cliente"),
        ("Teléfono", "Nombre"),
        ("Móvil", "Nombre y apellido"),
    ],
)
def test_headers_in_four_languages(phone, name):
    assert roles(["ID", phone, name, "Kota"], *([7, number, "Budi", "Medan"] for number in NUMBERS)) == {
        "phone": phone,
        "name": name,
    }


def test_a_column_of_numbers_is_found_without_a_telling_header():
    assert roles(["A", "B", "C"], *(["Budi", "x", number] for number in NUMBERS)) == {"phone": "C"}


def test_a_column_of_bills_is_no_column_of_phones():
    assert roles(["Nama", "Tagihan"], ["Budi", 4134883.79], ["Ayu", 250000.0]) == {"name": "Nama"}


def test_the_first_choice_of_several_phones():
    row = ["0218889999", "081234567890", "081234567891", "081234567892"]
    assert roles(["Telp Rumah", "Phone", "No HP", "WA"], row)["phone"] == "WA"
    assert roles(["Telp Rumah", "Phone", "No HP"], row)["phone"] == "No HP"
    assert roles(["Emergency Phone", "Telepon"], row)["phone"] == "Telepon"


def test_a_header_gives_way_to_content_that_contradicts_it():
    assert roles(["Phone model", "Kontak"], ["Galaxy", "081234567890"], ["Pixel", "081234567891"])["phone"] == "Kontak"


def test_an_order_number_is_no_phone_number():
    assert roles(["Order number", "Kota"], ["A-17", "Medan"]) == {}
    assert roles(["Nomor", "Kota"], ["081234567890", "Medan"], ["n/a", "Solo"], ["-", "Solo"])["phone"] == "Nomor"


def test_a_phone_column_without_a_usable_number_still_is_one():
    assert roles(["Nama", "No. HP"], ["Budi", "n/a"], ["Ayu", ""])["phone"] == "No. HP"


@pytest.mark.parametrize(
    ("header", "key"),
    [
        ("Jumlah Tagihan", "jumlah_tagihan"),
        ("  No. HP / WA ", "no_hp_wa"),
        ("NÚMERO", "número"),
        ("Straße", "strasse"),
        ("नाम", "नाम"),
        ("Ｎａｍｅ", "name"),
        ("😀", ""),
        ("", ""),
    ],
)
def test_variable_keys(header, key):
    assert variable_key(header) == key


def test_keys_are_unique_and_never_empty():
    keys = [column.key for column in identify(["Kota", "kota", "", "KOTA!", "Kota 2"], [], "ID")]
    assert keys == ["kota", "kota_2", "column_c", "kota_3", "kota_2_2"]


def test_letters_of_columns():
    assert [letter(index) for index in (0, 25, 26, 701, 702, 16383)] == ["A", "Z", "AA", "ZZ", "AAA", "XFD"]
