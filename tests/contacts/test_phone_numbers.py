"""Numbers as people write them, and the agreement of the quick way with the library."""

import math
import os
from datetime import date

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import settings as how_much
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from contacts import blocklist
from contacts.phone_numbers import InvalidNumber, _of_text, _read_by_library, find_mobile, normalise, read_number
from contacts.phone_variants import canonical
from contacts.quick_numbers import read_quickly
from tests.factories import make_organization

BUDI = "+6281234567890"
COMMON = ["ID", "BR", "MX", "ES", "PT", "IN", "SG", "MY", "PH", "DE", "FR", "IT", "AU", "JP", "US", "GB", "AR", "RU"]
REGIONS = COMMON + sorted(
    region
    for region in phonenumbers.SUPPORTED_REGIONS
    if phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE) and region not in COMMON
)


@pytest.mark.parametrize(
    "written",
    [
        "+6281234567890",
        "6281234567890",
        "081234567890",
        "81234567890",
        "0812-3456-7890",
        "0812.3456.7890",
        "(0812) 3456 7890",
        "+62 812-3456-7890",
        "+62 (0)812 3456 7890",
        "+0812 3456 7890",
        "006281234567890",
        "00 62 812 3456 7890",
        "'081234567890",
        "‘081234567890",
        "\u202a+6281234567890\u202c",
        "\u200e+62\u00a0812\u00a03456\u00a07890",
        " +6281234567890 ",
        "0812-3456-7890 (WA)",
        "0812-3456-7890 WhatsApp",
        "WA: 0812-3456-7890",
        "tel:+6281234567890",
        "https://wa.me/6281234567890",
        "6281234567890@s.whatsapp.net",
        "6281234567890.0",
        "０８１２３４５６７８９０",
        "٠٨١٢٣٤٥٦٧٨٩٠",
        6281234567890,
        6281234567890.0,
        81234567890.0,
    ],
)
def test_one_person_written_in_many_ways(written):
    assert find_mobile(written, "ID") == BUDI


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+447400194042", "+447400194042"),
        (447400194042.0, "+447400194042"),
        ("+44 7400 167528", "+447400167528"),
        ("+1 201-556-5295", "+12015565295"),
        ("+60 12-343 7225", "+60123437225"),
        ("+6581295795", "+6581295795"),
        ("0044 7400 194042", "+447400194042"),
    ],
)
def test_numbers_of_other_countries_keep_their_country(written, number):
    assert find_mobile(written, "ID") == number


@pytest.mark.parametrize(
    "written",
    [
        *("", " ", "+", "0", "00", "n/a", "tidak ada", "halo@contoh.id", "+62 8", "12345", "0812", "6.2812E+12"),
        "021-5551234",  # a landline
        "0800 123 4567",  # a free call number
        "halo081234567890@contoh.id",
        "081234567890x4",
        "0" * 10_000,
        *(0.0, -81234567890, 81234567890.5, 1e40, math.inf, math.nan, True, None, date(2025, 11, 21)),
    ],
)
def test_what_is_no_mobile_number(written):
    assert find_mobile(written, "ID") is None


def test_digits_of_the_region_are_not_taken_for_a_foreign_number():
    assert find_mobile("8190123456", "ID") == "+628190123456"
    assert find_mobile("+8190123456", "ID") is None


def test_normalise_says_what_is_wrong():
    assert normalise("0812 3456 7890", "ID") == BUDI
    with pytest.raises(InvalidNumber, match="“0812” is not a possible mobile number"):
        normalise("0812", "ID")


def _example_digits(region: str) -> str:
    example = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    assert example is not None
    return phonenumbers.format_number(example, phonenumbers.PhoneNumberFormat.E164)


@st.composite
def nearly_numbers(draw: st.DrawFn) -> tuple[str, str]:
    """Digits that look like a mobile number of some region, with its prefixes added, cut or changed."""
    region = draw(st.one_of(st.sampled_from(COMMON), st.sampled_from(REGIONS)))
    number = _example_digits(draw(st.sampled_from([region, *REGIONS])))
    country_code = str(phonenumbers.country_code_for_region(region))
    national = number[1 + len(country_code) :] if number.startswith("+" + country_code) else number[1:]
    tail = draw(st.integers(0, 5))
    kept = national[: len(national) - tail] + draw(st.text("0123456789", min_size=0, max_size=tail + 1))
    lead = draw(
        st.sampled_from(["+" + country_code, country_code, "0", "00", "1", "8", "+", "", "9", country_code * 2])
    )
    return lead + kept, region


@how_much(max_examples=int(os.environ.get("FUZZ_TIMES", "1")) * 500, deadline=None)
@given(nearly_numbers())
def test_the_quick_way_never_contradicts_the_library(case):
    digits, region = case
    if not digits.lstrip("+"):
        return
    quick = read_quickly(digits, region)
    assert quick is None or _read_by_library(digits, region) == (canonical(quick), True)


@given(st.from_regex(r"[+(]?0?[ ']?(62|55|52)?[0-9]{2,4}([ .\-()/'][0-9]{2,5}){1,3}(\.0)?", fullmatch=True))
def test_punctuation_is_removed_in_one_way(written):
    assert read_number(written, "ID") == _of_text(written, "ID", False)


@pytest.mark.parametrize("region", ["ID", "BR", "MX", "ES", "PT", "IN", "SG", "MY", "PH", "DE", "FR", "JP"])
def test_the_quick_way_serves_the_common_forms(region):
    number = _example_digits(region)
    code = str(phonenumbers.country_code_for_region(region))
    assert read_quickly(number, region) == number
    assert read_quickly(number[1 + len(code) :], region) == number


@pytest.mark.parametrize(
    ("written", "region", "number"),
    [
        ("11 8765-4321", "BR", "+5511987654321"),  # written before the ninth digit
        ("+55 31 7765 4321", "ID", "+5531977654321"),
        ("551187654321", "BR", "+5511987654321"),
        ("(11) 98765-4321", "BR", "+5511987654321"),
        ("0 21 11 98765-4321", "BR", "+5511987654321"),  # with the code of a carrier
        ("+54 9 11 2345 6789", "ID", "+5491123456789"),
        ("011 15 2345-6789", "AR", "+5491123456789"),
        ("0351 15 555-1234", "AR", "+5493515551234"),
        ("+54 9 11 15 2345 6789", "AR", "+5491123456789"),
        ("11 2345 6789", "AR", "+5491123456789"),
        ("+54 11 2345 6789", "ID", "+5491123456789"),
        ("+52 1 55 1234 5678", "ID", "+525512345678"),
        ("5215512345678", "MX", "+525512345678"),
        ("044 55 1234 5678", "MX", "+525512345678"),
        ("045 55 1234 5678", "MX", "+525512345678"),
        ("01 55 1234 5678", "MX", "+525512345678"),
        ("55 1234 5678", "MX", "+525512345678"),
    ],
)
def test_one_person_has_one_number(written, region, number):
    assert find_mobile(written, region) == number
    assert canonical(number) == number


@pytest.mark.parametrize(
    ("written", "region", "problem"),
    [
        *(
            ("", "ID", "no_number"),
            (None, "ID", "no_number"),
            ("\u200b ", "ID", "no_number"),
            ("n/a", "ID", "no_number"),
        ),
        *(("12345", "ID", "impossible"), ("halo081234567890@contoh.id", "ID", "impossible")),
        *(
            (date(2025, 11, 21), "ID", "impossible"),
            (math.nan, "ID", "impossible"),
            ("9" * 10_000, "ID", "impossible"),
        ),
        *(("021-5551234", "ID", "fixed_line"), ("0800 123 4567", "ID", "fixed_line")),
        *(("11 3000-1234", "BR", "fixed_line"), ("011 4321-5678", "AR", "fixed_line")),
        *(("6.28123E+12", "ID", "shortened"), ("6,28E+12", "ID", "shortened"), (6.28123e12, "ID", "shortened")),
    ],
)
def test_what_is_wrong_is_told_apart(written, region, problem):
    assert read_number(written, region) == ("", problem, ())


def test_a_land_line_is_taken_where_the_caller_allows_it():
    assert read_number("021-5551234", "ID", allow_fixed_line=True).number == "+62215551234"
    assert normalise("021-5551234", "ID", allow_fixed_line=True) == "+62215551234"


@pytest.mark.parametrize(
    "written", ["6.281234567890E+12", "6,281234567890E+12", "6.2812345678900E12", "+6.281234567890e+12"]
)
def test_an_exponent_that_kept_every_digit(written):
    assert find_mobile(written, "ID") == BUDI


@pytest.mark.parametrize(
    "written",
    [
        "081234567890 / 0813-1111-2222",
        "081234567890, 081311112222",
        "0812-3456-7890; 0813-1111-2222",
        "081234567890\n081311112222",
        "0812-3456-7890 atau 0813-1111-2222",
        "081234567890 081311112222",
        "Budi 0812-3456-7890 / Ayu 0813 1111 2222",
        "021-5551234 / 0812-3456-7890 / 0813-1111-2222",
    ],
)
def test_several_numbers_in_one_cell(written):
    assert read_number(written, "ID") == (BUDI, "", ("+6281311112222",))


@pytest.mark.parametrize("country", ["Brasil", "Brazil", "BRASIL ", "BR", "bra", "+55", "55", 55, 55.0, "0055"])
def test_the_country_beside_a_number(country):
    assert read_number("11 98765-4321", "ID", country=country).number == "+5511987654321"


def test_a_country_that_nobody_knows():
    assert read_number("11 98765-4321", "BR", country="Narnia") == ("", "unknown_country", ())
    assert read_number("", "BR", country="Narnia") == ("", "no_number", ())
    assert read_number("+55 11 98765-4321", "ID", country="Narnia").number == "+5511987654321"
    assert read_number("11 98765-4321", "BR", country=" ").number == "+5511987654321"


def test_a_land_line_can_be_blocked(db):
    organization = make_organization()
    entry, _is_new = blocklist.block(organization=organization, phone_number="021-5551234")
    assert entry.phone_number == "+62215551234"
    assert blocklist.unblock(organization=organization, phone_number="+62 21 5551234")
