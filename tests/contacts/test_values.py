"""Values of typed attributes: one stored form, however people and sheets write them."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contacts.models import AttributeKind
from contacts.values import DoesNotFit, canonical, decimal_mark_of, fitting, shown

NUMBER, DATE, YES_NO = AttributeKind.NUMBER, AttributeKind.DATE, AttributeKind.YES_NO


@pytest.mark.parametrize(
    ("written", "region", "stored"),
    [
        ("1500000", "ID", "1500000"),
        ("1.500.000", "ID", "1500000"),
        ("Rp 1.500.000,50", "ID", "1500000.5"),
        ("1.500", "ID", "1500"),
        ("1.500", "US", "1.5"),
        ("1,500", "US", "1500"),
        ("1,234,567.5", "ID", "1234567.5"),
        ("12,5", "ID", "12.5"),
        ("12,5", "US", "12.5"),
        ("0,125", "BR", "0.125"),
        ("-7", "ID", "-7"),
        ("-0", "ID", "0"),
        ("+3.50", "US", "3.5"),
        ("1 500 000", "FR", "1500000"),
        ("R$ 10,00", "BR", "10"),
        (1.125, "ID", "1.125"),
        (10.0, "ID", "10"),
        (Decimal("1E+3"), "ID", "1000"),
        (7, "ID", "7"),
    ],
)
def test_numbers(written: Any, region: str, stored: str) -> None:
    assert canonical(NUMBER, written, region=region) == stored


@pytest.mark.parametrize(
    ("written", "region"),
    [
        ("1,500", "ID"),  # one and a half, or an English thousand and five hundred
        ("many", "ID"),
        ("1.5.0", "ID"),
        ("1,2.3,4", "ID"),
        ("1.50.000", "ID"),
        ("--3", "US"),
        ("1e5", "US"),
        ("Infinity", "US"),
        (float("nan"), "US"),
        ("9" * 70, "US"),
        (True, "US"),
        ("٣", "EG"),
    ],
)
def test_what_is_no_number_or_two(written: Any, region: str) -> None:
    with pytest.raises(DoesNotFit):
        canonical(NUMBER, written, region=region)


def test_one_clear_number_settles_the_whole_column() -> None:
    assert decimal_mark_of(["1.500", "12,5", "7"]) == ","
    assert decimal_mark_of(["1.125", "12.5", ""]) == "."
    assert decimal_mark_of(["1.500", "7", "word"]) == ""
    assert decimal_mark_of(["12.5", "12,5"]) == ""
    assert canonical(NUMBER, "1.125", region="ID", decimal_mark=".") == "1.125"
    assert canonical(NUMBER, "1,500", region="ID", decimal_mark=",") == "1.5"


@pytest.mark.parametrize(
    ("written", "region", "stored"),
    [
        ("2026-11-21", "ID", "2026-11-21"),
        ("2026/1/2", "ID", "2026-01-02"),
        ("2026-11-21 14:30", "ID", "2026-11-21"),
        ("2026-11-21T14:30:00+07:00", "ID", "2026-11-21"),
        ("21/11/2026", "ID", "2026-11-21"),
        ("03.04.1999", "ID", "1999-04-03"),
        ("03/04/1999", "US", "1999-03-04"),
        ("21/11/2026", "US", "2026-11-21"),
        ("21 Nov 2026", "ID", "2026-11-21"),
        ("17 Agustus 1945", "ID", "1945-08-17"),
        ("3 de março de 2026", "BR", "2026-03-03"),
        ("5 de mayo de 2026", "MX", "2026-05-05"),
        ("November 21, 2026", "US", "2026-11-21"),
        (date(2026, 11, 21), "ID", "2026-11-21"),
        (datetime(2026, 11, 21, 23, 59, tzinfo=UTC), "ID", "2026-11-21"),
    ],
)
def test_dates(written: Any, region: str, stored: str) -> None:
    assert canonical(DATE, written, region=region) == stored


@pytest.mark.parametrize(
    "written", ["31/02/2026", "21/11/26", "45982", "soon", "2026-13-01", "1 foo 2026", "0000-01-01"]
)
def test_what_is_no_date(written: str) -> None:
    with pytest.raises(DoesNotFit):
        canonical(DATE, written, region="ID")


@pytest.mark.parametrize("written", ["yes", "Ya", "IYA", "sim", "Sí", "si", "TRUE", "1", "y", True, "verdadeiro"])
def test_yes(written: Any) -> None:
    assert canonical(YES_NO, written, region="ID") == "yes"


@pytest.mark.parametrize("written", ["no", "Tidak", "não", "nao", "FALSE", "0", "n", False, "falso"])
def test_no(written: Any) -> None:
    assert canonical(YES_NO, written, region="ID") == "no"


def test_neither_yes_nor_no() -> None:
    with pytest.raises(DoesNotFit, match="perhaps"):
        canonical(YES_NO, "perhaps", region="ID")


@pytest.mark.parametrize("kind", AttributeKind.values)
def test_nothing_stays_nothing(kind: str) -> None:
    assert canonical(kind, None, region="ID") == canonical(kind, " ", region="ID") == ""


@given(st.sampled_from(["number", "date", "yes_no"]), st.text(), st.sampled_from(["ID", "US", "BR"]))
@example("number", "1e999999999", "US")
@example("number", "." * 10, "US")
@example("number", "¼", "US")
@example("date", "９９９９-１-１", "US")
def test_any_text_is_read_or_refused_and_what_is_stored_reads_the_same_elsewhere(
    kind: str, text: str, region: str
) -> None:
    try:
        stored = canonical(kind, text, region=region)
    except DoesNotFit:
        return
    assert canonical(kind, stored, region="US" if kind == "number" else region) == stored
    assert isinstance(shown(kind, stored), str)


def test_values_of_one_contact_tell_which_do_not_fit() -> None:
    kinds = {"amount": "number", "birthday": "date", "city": "text"}
    written = {"amount": "Rp 5.000", "birthday": "soon", "city": " Bandung", "new": 3}
    values, misfits = fitting(kinds, written, region="ID")
    assert values == {"amount": "5000", "city": " Bandung", "new": 3}
    assert list(misfits) == ["birthday"]


def test_what_is_stored_already_is_not_read_again() -> None:
    values, misfits = fitting({"rate": "number"}, {"rate": "1.125"}, region="ID", known={"rate": "1.125"})
    assert (values, misfits) == ({"rate": "1.125"}, {})


def test_pages_show_values_in_the_readers_language() -> None:
    assert shown(NUMBER, "1500000.5") == "1,500,000.5"
    assert shown(DATE, "2026-11-21") == "Nov. 21, 2026"
    assert shown(YES_NO, "yes") == "Yes"
    assert shown(NUMBER, "many") == "many"
    assert shown(DATE, "2026-99-99") == "2026-99-99"
