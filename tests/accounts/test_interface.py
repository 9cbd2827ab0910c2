"""The template tags that every page is made of."""

from datetime import UTC, datetime, timedelta

import pytest
from django import forms
from django.apps import apps
from django.template import Context, Template
from django.utils import timezone

from accounts.statuses import LOOKS, look_of
from accounts.templatetags.interface import percent

MORNING = datetime(2026, 11, 21, 7, 3, 22, tzinfo=UTC)


def render(source: str, **context: object) -> str:
    return Template("{% load interface %}" + source).render(Context(context))


def test_icons_are_silent_unless_they_stand_alone() -> None:
    assert 'aria-hidden="true"' in render('{% icon "send" %}')
    alone = render('{% icon "send" label=word %}', word="<Send>")
    assert 'role="img" aria-label="&lt;Send&gt;"' in alone
    assert "icons.svg#send" in alone


def test_a_status_is_word_colour_and_icon() -> None:
    badge = render("{% status_badge 'failed' %}")
    assert "tone-danger" in badge
    assert ">Failed<" in badge
    assert "#alert-circle" in badge
    assert ">List not usable<" in render("{% status_badge 'failed' 'List not usable' %}")
    assert render("{% status_badge '' %}") == ""
    assert ">On hold<" in render("{% status_badge 'on_hold' %}")
    assert "&lt;b&gt;" in render("{% status_badge '<b>' %}")


def test_every_stored_status_has_a_look() -> None:
    checked = 0
    for model in apps.get_models():
        for field in model._meta.get_fields():
            if field.name != "status" or not getattr(field, "choices", None):
                continue
            if model.__module__.split(".")[0] in ("django", "django_celery_beat"):
                continue
            for value, label in field.choices:
                name = value if isinstance(value, str) else str(label)
                assert name in LOOKS, f"{model.__name__}.status {name!r} is missing in accounts/statuses.py"
                checked += 1
    assert checked > 20


def test_looks_use_known_tones() -> None:
    assert {look.tone for look in LOOKS.values()} == {"neutral", "info", "success", "warning", "danger"}
    assert look_of("tomorrow").tone == "neutral"


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Asia/Jakarta", "21 Nov 2026, 14:03 WIB"),
        ("UTC", "21 Nov 2026, 07:03 UTC"),
        ("Europe/Istanbul", "21 Nov 2026, 10:03 UTC+3"),
        ("Asia/Kathmandu", "21 Nov 2026, 12:48 UTC+5:45"),
        ("America/Sao_Paulo", "21 Nov 2026, 04:03 UTC-3"),
    ],
)
def test_moments_name_their_zone(zone: str, expected: str) -> None:
    with timezone.override(zone):
        assert f">{expected}</time>" in render("{% moment at %}", at=MORNING)


def test_moments_have_styles() -> None:
    with timezone.override("Asia/Jakarta"):
        assert ">14:03:22 WIB</time>" in render("{% moment at 'time' %}", at=MORNING)
        assert 'datetime="2026-11-21T07:03:22+00:00"' in render("{% moment at 'time' %}", at=MORNING)
    assert ">just now<" in render("{% moment at 'ago' %}", at=timezone.now())
    assert ">3\xa0hours ago<" in render("{% moment at 'ago' %}", at=timezone.now() - timedelta(hours=3, minutes=5))
    assert ">in 2\xa0days<" in render("{% moment at 'ago' %}", at=timezone.now() + timedelta(days=2, minutes=1))
    assert render("{% moment at %}", at=None) == "–"


def test_a_hundred_percent_means_all() -> None:
    assert [percent(0, 0), percent(0, 9), percent(999, 1000), percent(1000, 1000)] == [0, 0, 99, 100]


class Sheet(forms.Form):
    name = forms.CharField(label="Your <name>", help_text="As on the sign.")
    note = forms.CharField(required=False, widget=forms.Textarea(attrs={"class": "tall"}))
    agree = forms.BooleanField(label="I agree")
    colour = forms.ChoiceField(choices=[("r", "Red"), ("b", "Blue")], widget=forms.RadioSelect)
    kind = forms.ChoiceField(choices=[("a", "A")])


def test_a_field_is_wired_for_screen_readers() -> None:
    html = render("{% field form.name %}", form=Sheet({}))
    assert '<label class="form-label" for="id_name">Your &lt;name&gt;' in html
    assert 'aria-describedby="id_name_help id_name_error"' in html
    assert 'aria-invalid="true"' in html
    assert 'id="id_name_help">As on the sign.<' in html
    assert 'id="id_name_error"' in html
    assert html.count("aria-describedby=") == 1
    quiet = render("{% field form.name %}", form=Sheet({"name": "x"}))
    assert 'aria-describedby="id_name_help"' in quiet
    assert "aria-invalid" not in quiet


def test_a_field_looks_like_its_kind() -> None:
    form = Sheet()
    assert 'class="form-control tall"' in render("{% field form.note %}", form=form)
    assert "(optional)" in render("{% field form.note %}", form=form)
    assert "(optional)" not in render("{% field form.name %}", form=form)
    assert 'class="form-select"' in render("{% field form.kind %}", form=form)
    assert 'class="form-check-input"' in render("{% field form.agree %}", form=form)
    radios = render("{% field form.colour %}", form=form)
    assert radios.count('type="radio"') == 2
    assert "<legend" in radios
