"""Which messages opt out, and which only look like it."""

import pytest
from django.core.exceptions import ValidationError

from accounts.models import Organization
from contacts import opt_out_texts
from contacts.models import ContactSettings
from contacts.opt_out_languages import LANGUAGES, OF_REGION
from contacts.opt_out_words import (
    DEFAULT_WORDS,
    TOO_COMMON,
    Kind,
    as_set,
    check_words,
    default_words,
    normalised,
    read_words,
    words_from,
)

STOP, START = default_words(Kind.OPTED_OUT), default_words(Kind.OPTED_IN)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "STOP",
            "stop",
            "Stop!",
            " stop. ",
            "\nStop\n",
            "🛑 stop 🛑",
            "S.T.O.P.",
            "s t o p",
            "“Stop”",
            "stop🙏🏽",
            "*STOP*",
        ),
        *(
            "ＳＴＯＰ",
            "𝐒𝐓𝐎𝐏",
            "Ⓢⓣⓞⓟ",
            "st\u200bop",
            "\u2066stop\u2069",
            "s\u0335t\u0335o\u0335p\u0335",
            "stop\ufe0f",
            "sto\u00adp",
        ),
        *("Unsubscribe", "opt-out", "please stop!!", "Don’t message me"),
        *(
            "berhenti",
            "BERHENTI.",
            "unreg",
            "parar",
            "SAIR",
            "baja",
            "Bája",
            "darme de baja",
            "arret",
            "ARRÊT",
            "arrêt !",
        ),
        *("abmelden", "Stopp", "afmelden", "ÇIKIŞ", "çıkış", "cikis", "Ret", "стоп", "Отписаться", "ВІДПИСАТИСЯ"),
        *(
            "إيقاف",
            "ايقاف",
            "إِيقَاف",
            "توقف!",
            "لغو ۱۱",
            "لغو11",
            "הסר",
            "रोकें",
            "बंद करें",
            "বন্ধ করুন",
            "หยุด",
            "退订。",
            "退訂",
        ),
        *(
            "停止",
            "配信停止",
            "ｽﾄｯﾌﾟ",
            "수신거부",
            "수신 거부",
            "ngừng",
            "Hủy đăng ký",
            "huỷ đăng ký",
            "rezygnuję",
            "REZYGNUJE",
        ),
        *("leiratkozás", "Απεγγραφή", "σταματήστε", "tigil", "dừng lại"),
    ],
)
def test_these_opt_out(text: str) -> None:
    assert DEFAULT_WORDS.meaning_of(text) == Kind.OPTED_OUT


@pytest.mark.parametrize(
    "text", ["START", "start!", "Mulai", "volver", "ALTA", "СТАРТ", "ابدأ", "开始", "再開", "시작", "เริ่ม"]
)
def test_these_return(text: str) -> None:
    assert DEFAULT_WORDS.meaning_of(text) == Kind.OPTED_IN


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            " ",
            "🛑",
            "!!!",
            "don't stop",
            "stop by tomorrow",
            "Stop 1",
            "stoppp",
            "non stop",
            "bus stop",
            "Stoppt ihr?",
        ),
        *("no", "cancel", "batal", "cancelar", "İPTAL", "нет", "huy", "đúng", "acha", "td", "pare", "alto", "stop it"),
        *("Berhenti kerja", "startup", "yes", "x" * 5000, "stop" + " " * 300, "a\u0300" * 90),
    ],
)
def test_these_are_talk(text: str) -> None:
    assert DEFAULT_WORDS.meaning_of(text) is None


def test_every_default_word_does_what_it_says() -> None:
    assert len(LANGUAGES) >= 20
    assert len({normalised(word) for word in STOP}) == len(STOP)
    for language in LANGUAGES.values():
        for word in (*language.stop, *(each.lower() for each in language.stop)):
            assert DEFAULT_WORDS.meaning_of(f"¡{word}! 🙏") == Kind.OPTED_OUT, word
        for word in language.start:
            assert DEFAULT_WORDS.meaning_of(word) == Kind.OPTED_IN, word


def test_the_defaults_pass_the_checks_for_an_organizations_own() -> None:
    check_words(stop=STOP, start=START)
    assert not as_set(TOO_COMMON) & (DEFAULT_WORDS.stop | DEFAULT_WORDS.start)


def test_every_text_names_the_first_word_and_opts_nobody_out() -> None:
    for code, language in LANGUAGES.items():
        if not language.unsubscribe:
            continue
        assert language.stop[0] in language.unsubscribe, code
        assert language.start[0] in language.opted_out, code
        assert language.stop[0] in language.opted_in, code
        for text in (language.unsubscribe, language.opted_out, language.opted_in):
            assert DEFAULT_WORDS.meaning_of(text) is None, code
    assert all(LANGUAGES[code].unsubscribe for code in OF_REGION.values())


def test_words_as_people_list_them() -> None:
    assert read_words(" Stop,  nein   danke \n\nSTOP!\nفف، قف") == ["Stop", "nein danke", "فف", "قف"]


@pytest.mark.parametrize(
    ("stop", "start", "field", "complaint"),
    [
        (["berhenti"], ["start"], "opt_out_words", "STOP has to stay"),
        (["stop", "No!"], ["start"], "opt_out_words", "“No!” is an everyday answer"),
        (["stop", "🛑"], ["start"], "opt_out_words", "neither letters nor digits"),
        (["stop", "x"], ["start"], "opt_out_words", "too short"),
        (["stop", "word " * 20], ["start"], "opt_out_words", "too long"),
        (["stop"], [], "opt_in_words", "at least one word"),
        (["stop", "Dále"], ["start", "dale!"], "opt_in_words", "“dale!” is also a word that opts out"),
        (["stop"], ["start", "yes"], "opt_in_words", "everyday answer"),
        (["stop", *(f"word{n}" for n in range(600))], ["start"], "opt_out_words", "There may be 500"),
    ],
)
def test_words_that_would_do_harm(stop: list[str], start: list[str], field: str, complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        check_words(stop=stop, start=start)
    assert complaint in " ".join(caught.value.message_dict[field])


def test_words_of_settings() -> None:
    own = words_from('["stop", "Nein danke"]', None)
    assert own.meaning_of("nein, danke") == Kind.OPTED_OUT
    assert own.meaning_of("berhenti") is None
    assert own.meaning_of("mulai") == Kind.OPTED_IN


@pytest.mark.parametrize(
    ("region", "language", "code"),
    [("ID", "", "id"), ("BR", "", "pt"), ("NZ", "", "en"), ("ID", "de", "de"), ("ID", "xx", "id"), ("ID", "cs", "id")],
)
def test_the_language_of_the_texts(region: str, language: str, code: str) -> None:
    settings = ContactSettings(organization=Organization(default_region=region), language=language)
    assert opt_out_texts.language_of(settings) == code
    assert opt_out_texts.unsubscribe_text(settings) == LANGUAGES[code].unsubscribe


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("Stop.", "itself one of the words"),
        ("x" * 501, "may have 500"),
        ("Hi {{name}}", "Variables are not filled in"),
    ],
)
def test_texts_that_cannot_be_used(text: str, complaint: str) -> None:
    with pytest.raises(ValidationError) as caught:
        opt_out_texts.check_texts({"opt_out_reply": text, "opt_in_reply": ""}, DEFAULT_WORDS)
    assert complaint in caught.value.message_dict["opt_out_reply"][0]
