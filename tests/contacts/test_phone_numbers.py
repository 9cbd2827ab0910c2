"""Numbers as people write them, and the agreement of the quick way with the library."""

import math
from datetime import date

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberType

from contacts.phone_numbers import InvalidNumber, _read_by_library, _read_plain, find_mobile, normalise

BUDI = "+6281234567890"
REGIONS = ["ID", "BR", "MX", "ES", "PT", "IN", "SG", "MY", "PH", "DE", "FR", "IT", "AU", "JP", "US", "GB", "AR", "RU"]


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
        "081234567890 / 081234567891",
        "081234567890, 081234567891",
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
    region = draw(st.sampled_from(REGIONS))
    number = _example_digits(draw(st.sampled_from([region, *REGIONS])))
    country_code = str(phonenumbers.country_code_for_region(region))
    national = number[1 + len(country_code) :] if number.startswith("+" + country_code) else number[1:]
    tail = draw(st.integers(0, 5))
    kept = national[: len(national) - tail] + draw(st.text("0123456789", min_size=0, max_size=tail + 1))
    lead = draw(
        st.sampled_from(["+" + country_code, country_code, "0", "00", "1", "8", "+", "", "9", country_code * 2])
    )
    return lead + kept, region


@given(nearly_numbers())
def test_the_quick_way_never_contradicts_the_library(case):
    digits, region = case
    if not digits.lstrip("+"):
        return
    quick = _read_plain(digits, region)
    assert quick is None or quick == _read_by_library(digits, region)


@pytest.mark.parametrize("region", ["ID", "BR", "MX", "ES", "PT", "IN", "SG", "MY", "PH", "DE", "FR", "JP"])
def test_the_quick_way_serves_the_common_forms(region):
    number = _example_digits(region)
    code = str(phonenumbers.country_code_for_region(region))
    assert _read_plain(number, region) == number
    assert _read_plain(number[1 + len(code) :], region) == number
