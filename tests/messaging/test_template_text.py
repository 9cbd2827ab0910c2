"""Variables in texts: how they are written, what is said about mistakes, and what people get."""

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contacts.columns import variable_key
from contacts.models import ContactSettings
from messaging.template_text import LONGEST, TemplateError, check, filled, parse, render
from tests.factories import make_organization

COLUMNS = ["nama", "no_hp", "kota", "jumlah_tagihan", "name", "phone"]


def test_a_text_without_variables_stays_as_it_is():
    assert render("50% off {today} }} — Zoë 😀", {}) == ("50% off {today} }} — Zoë 😀", [])


def test_values_are_put_in_as_they_are():
    values = {"name": "<b>O'Brien</b> {{kota}} =SUM(1) 😀", "kota": "Medan"}
    assert render("Hi {{name}} in {{ kota }}!", values) == ("Hi <b>O'Brien</b> {{kota}} =SUM(1) 😀 in Medan!", [])


@pytest.mark.parametrize(
    "written", ["jumlah_tagihan", "Jumlah Tagihan", " JUMLAH  TAGIHAN ", "jumlah-tagihan", "Jumlah Tagihan:"]
)
def test_a_variable_is_found_however_its_column_is_written(written):
    assert render(f"Rp {{{{{written}}}}}", {"jumlah_tagihan": "4134883.79"}) == ("Rp 4134883.79", [])


def test_a_fallback_stands_in_for_an_empty_value_only():
    template = parse("Hi {{name|friend}}, {{ kota | your town }}{{catatan|}}")
    assert template.render({"name": "Budi", "kota": "Medan"}) == ("Hi Budi, Medan", [])
    assert template.render({"name": "", "kota": " \u00a0", "catatan": None}) == ("Hi friend, your town", [])
    assert template.required == ()


def test_a_value_that_is_missing_is_named_once():
    template = parse("{{name}} {{name}} {{kota}} {{phone|none}}")
    assert template.render({"kota": "  "})[1] == ["name", "kota"]
    assert template.variables == ("name", "kota", "phone")
    assert template.required == ("name", "kota")


def test_values_that_are_no_text_are_written_out():
    assert render("{{a}} {{b}} {{c}}", {"a": 0, "b": 1.5, "c": False}) == ("0 1.5 False", [])


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "Write the text"),
        (" \n ", "Write the text"),
        ("Hi {{name", "“{{name” is not closed"),
        ("Hi {{name}, you", "“{{name}, you” is not closed"),
        ("Hi {{name you {{kota}}", "“{{name you {{kota}}” is not closed"),
        ("Hi {{na\nme}}", "“{{na” is not closed"),
        ("Hi {{}}", "“{{}}” names no variable"),
        ("Hi {{ | friend }}", "names no variable"),
        ("Hi {{{name}}}", "too many braces"),
        ("x" * (LONGEST + 1), "4096 are possible"),
    ],
)
def test_mistakes_are_named(text, complaint):
    with pytest.raises(TemplateError) as caught:
        parse(text)
    assert complaint in str(caught.value)


def test_an_unknown_variable_is_named_with_what_there_is():
    with pytest.raises(TemplateError) as caught:
        check(parse("Hi {{Nma}}"), COLUMNS)
    assert str(caught.value).startswith("There is no column for {{Nma}}. Did you mean {{nama}}?")
    assert "{{jumlah_tagihan}}" in str(caught.value)
    with pytest.raises(TemplateError, match=r"There is no column for {{xyz}}\. The list has"):
        check(parse("Hi {{xyz}}"), COLUMNS)
    check(parse("Hi {{NAMA}} {{No. HP}} {{name|you}}"), COLUMNS)


plain_text = st.text().filter(lambda text: "{" not in text and "}" not in text)
names = st.text().filter(lambda text: variable_key(text) and not set(text) & set("{}|\n"))


@given(st.text())
def test_any_text_is_taken_apart_or_complained_about(text):
    try:
        template = parse(text)
    except TemplateError:
        return
    # Whoever has a value for everything gets a whole text.
    assert template.render(dict.fromkeys(template.variables, "{{x}}"))[1] == []


@given(st.lists(st.tuples(plain_text, names, st.text(min_size=1)), min_size=1), plain_text)
def test_pieces_and_values_come_out_in_order(pieces, end):
    text = "".join(f"{plain}{{{{{name}}}}}" for plain, name, _ in pieces) + end
    values = {variable_key(name): value for _, name, value in pieces}
    expected, missing = "", []
    for plain, name, _ in pieces:
        value = values[variable_key(name)]
        if not value.isspace():
            expected += plain + value
        else:
            expected, missing = expected + plain, [*missing, variable_key(name)]
    if len(text) <= LONGEST:
        assert render(text, values) == (expected + end, list(dict.fromkeys(missing)))


def test_rendering_is_quick():
    template = parse("Hi {{name}}, your bill of {{jumlah_tagihan}} is due in {{kota|your town}}.")
    values = {"name": "Budi", "jumlah_tagihan": "4134883.79", "kota": "Medan"}
    began = time.process_time()
    for _ in range(20_000):
        template.render(values)
    assert time.process_time() - began < 20_000 / 100_000


def test_unsubscribe_is_the_organizations_own_text(db: None) -> None:
    organization = make_organization(default_region="ID")
    template = parse("Halo {{name}}! {{ Unsubscribe }}")
    assert template.required == ("name",)
    check(template, ["name"])
    full = filled(template, organization)
    assert full.render({"name": "Ayu", "unsubscribe": "of a column"}) == (
        "Halo Ayu! Balas BERHENTI untuk berhenti berlangganan.",
        [],
    )
    ContactSettings.objects.create(organization=organization, language="pt", unsubscribe_text="Sair? PARAR.")
    assert filled(template, organization).render({"name": "Ayu"})[0] == "Halo Ayu! Sair? PARAR."


def test_a_text_that_was_not_filled_reaches_nobody() -> None:
    assert parse("{{unsubscribe}}").render({"unsubscribe": ""}) == ("", ["unsubscribe"])


def test_unknown_variables_are_told_of_unsubscribe() -> None:
    with pytest.raises(TemplateError, match=r"Did you mean {{unsubscribe}}\? The list has {{name}}, {{unsubscribe}}"):
        check(parse("{{unsubscibe}}"), ["name"])


class TestChoices:
    def test_everybody_gets_one_of_the_options_and_always_the_same(self) -> None:
        template = parse("{Hi|Hello|Hey} {{name}}{!|.}")
        texts = [template.render({"name": "Ayu"}, f"7:{number}")[0] for number in range(600)]
        assert texts == [template.render({"name": "Ayu"}, f"7:{number}")[0] for number in range(600)]
        shares = Counter(texts)
        assert set(shares) == {f"{hello} Ayu{end}" for hello in ("Hi", "Hello", "Hey") for end in "!."}
        assert min(shares.values()) > 60  # of 100: no option is left out, and the two choices do not go together

    @pytest.mark.parametrize(
        ("text", "options"),
        [
            ("{Hi {{name}}|Hello}", {"Hi Ayu", "Hello"}),
            ("{{{name}}|friend}", {"Ayu", "friend"}),
            ("{a|{b|c} d}", {"a", "b d", "c d"}),
            ("{one\nline|two}", {"one\nline", "two"}),
            ("{|x}", {"", "x"}),
            ("{{name|a {b} c", None),
            ("{plain} {} } a|b }{", {"{plain} {} } a|b }{"}),
            ("{a {b} c|d}", {"a {b} c", "d"}),
            ("{never|closed {{name}}", {"{never|closed Ayu"}),
        ],
    )
    def test_how_they_are_written(self, text: str, options: set[str] | None) -> None:
        if options is None:
            with pytest.raises(TemplateError, match="is not closed"):
                parse(text)
            return
        assert {render(text, {"name": "Ayu"}, str(number))[0] for number in range(60)} == options

    def test_a_variable_that_any_option_needs_is_required_of_all(self) -> None:
        template = parse("{Hi {{name}}|Hello {{city|there}}}")
        assert (template.variables, template.required) == (("name", "city"), ("name",))
        assert {tuple(template.render({}, str(number))[1]) for number in range(40)} == {("name",)}

    def test_many_open_braces_are_read_in_one_walk(self) -> None:
        began = time.process_time()
        text = "{a|" * (LONGEST // 3)
        assert render(text, {})[0] == text
        assert time.process_time() - began < 1

    def test_the_unsubscribe_text_is_filled_into_options_too(self, db: None) -> None:
        template = filled(parse("{Bye. {{unsubscribe}}|{{unsubscribe}}}"), make_organization(default_region="ID"))
        assert "BERHENTI" in template.render({}, "1")[0]
        assert template.render({}, "1")[1] == []
