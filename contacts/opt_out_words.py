"""Whether a message says nothing but "stop" or "start", in any of the languages, however it is written.

The whole message must be the word: "Stop!" and "🛑 S.T.O.P." opt out, "stop by tomorrow" and "don't stop" do not. Case,
accents, punctuation, spaces, emoji, invisible signs and the shape of letters do not count; repeated letters do.
"""

import json
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from contacts.models import OptOutEvent
from contacts.opt_out_languages import LANGUAGES

Kind = OptOutEvent.Kind

LONGEST_WORD = 60  # signs of a word as written
LONGEST_MESSAGE = 200  # signs of a message that is looked at: room for ornaments around a word
MOST_WORDS = 500

_NO_ASCII_LETTERS = re.compile(r"[^a-z0-9]+")
# Letters that Unicode does not take apart, though people write one for the other.
_SAME_LETTERS = str.maketrans("ıđłøىةیک", "idloيهيك")
# Accents, vowel points and joiners, which people leave out; not the vowels of Indian, Thai and other scripts.
_ACCENTS = re.compile(
    "[\u0300-\u036f\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670\u0640\u06d6-\u06dc\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\u180b-\u180d\u17b4\u17b5\U000e0100-\U000e01ef]"
)
_LETTERS_WITHOUT_SHAPE = frozenset("\u115f\u1160\u3164\uffa0")

# Whole messages that people write every day and that would opt out whoever answers a question.
TOO_COMMON = (
    *("no", "yes", "ok", "okay", "hi", "hello", "thanks", "thank you", "y", "n", "1", "2", "cancel", "end", "later"),
    *("tidak", "ya", "iya", "gak", "nggak", "batal", "halo", "terima kasih", "makasih", "oke", "sudah", "nanti"),
    *("sim", "não", "obrigado", "obrigada", "oi", "olá", "si", "sí", "hola", "gracias", "vale", "cancelar"),
    *("oui", "non", "bonjour", "merci", "annuler", "ja", "nein", "nee", "hallo", "danke", "bedankt", "ciao", "grazie"),
    *("да", "нет", "спасибо", "отмена", "hayır", "evet", "iptal", "teşekkürler", "tak", "nie", "dziękuję"),
    *("نعم", "لا", "شكرا", "हाँ", "नहीं", "धन्यवाद", "是", "不", "好", "谢谢", "取消", "はい", "いいえ", "네", "아니요"),
    *("ใช่", "ไม่", "ยกเลิก", "vâng", "không", "cảm ơn", "đúng", "huy", "dung"),
)


def normalised(text: str) -> str:
    """What is compared: letters and digits alone, without case, accents and spaces. Empty where there are none."""
    if text.isascii():
        return _NO_ASCII_LETTERS.sub("", text.lower())
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_SAME_LETTERS)
    folded = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", folded)))
    return "".join(_kept(sign) for sign in folded)


def _kept(sign: str) -> str:
    category = unicodedata.category(sign)
    if category == "Nd":
        return str(unicodedata.decimal(sign))
    return sign if category[0] in "LM" and category != "Me" and sign not in _LETTERS_WITHOUT_SHAPE else ""


@dataclass(frozen=True, slots=True)
class Words:
    """The normalised words of one organization."""

    stop: frozenset[str]
    start: frozenset[str]

    def meaning_of(self, text: str) -> Kind | None:
        """What a message asks for: `OPTED_OUT`, `OPTED_IN`, or neither."""
        if not text or len(text) > LONGEST_MESSAGE:
            return None
        word = normalised(text)
        if word in self.stop:
            return Kind.OPTED_OUT
        return Kind.OPTED_IN if word in self.start else None


def default_words(kind: Kind) -> list[str]:
    """The product's own, as people read them, each once; English first."""
    written: dict[str, str] = {}
    for language in LANGUAGES.values():
        for word in language.stop if kind == Kind.OPTED_OUT else language.start:
            written.setdefault(normalised(word), word)
    return list(written.values())


def as_set(words: Iterable[str]) -> frozenset[str]:
    return frozenset(normalised(word) for word in words) - {""}


@lru_cache(maxsize=256)
def words_from(stop: str | None, start: str | None) -> Words:
    """The words of an organization's settings, as JSON text. None stands for the product's own."""
    return Words(_set_from(stop, Kind.OPTED_OUT), _set_from(start, Kind.OPTED_IN))


@lru_cache(maxsize=256)
def _set_from(words: str | None, kind: Kind) -> frozenset[str]:
    return as_set(default_words(kind) if words is None else json.loads(words))


DEFAULT_WORDS = words_from(None, None)


def read_words(written: str) -> list[str]:
    """Words as people list them, one a line or between commas; each once."""
    words: dict[str, str] = {}
    for word in re.split(r"[\n,;،、]+", written):
        if tidy := " ".join(word.split()):
            words.setdefault(normalised(tidy) or tidy, tidy)
    return list(words.values())


def check_words(*, stop: list[str], start: list[str]) -> None:
    """Raises ValidationError, by the fields opt_out_words and opt_in_words, for words that would do harm."""
    errors = {
        "opt_out_words": _complaints(stop),
        "opt_in_words": _complaints(start),
    }
    if "stop" not in as_set(stop):
        errors["opt_out_words"].append(_("STOP has to stay: it is what people everywhere are told to write."))
    if not as_set(start):
        errors["opt_in_words"].append(_("Keep at least one word, such as START, so that people can return."))
    both = as_set(stop) & as_set(start)
    errors["opt_in_words"] += [
        _("“%(word)s” is also a word that opts out. It can do only one of the two.") % {"word": word}
        for word in start
        if normalised(word) in both
    ]
    if found := {field: complaints for field, complaints in errors.items() if complaints}:
        raise ValidationError(found)


def _complaints(words: list[str]) -> list[str]:
    common = as_set(TOO_COMMON)
    complaints = []
    for word in words:
        plain = normalised(word)
        if not plain:
            complaints.append(_("“%(word)s” has neither letters nor digits.") % {"word": word})
        elif len(word) > LONGEST_WORD:
            complaints.append(
                _("“%(word)s…” is too long: a word or phrase may have %(most)d signs.")
                % {"word": word[:30], "most": LONGEST_WORD}
            )
        elif plain in common:
            complaints.append(
                _("“%(word)s” is an everyday answer: people who do not mean it would be counted.") % {"word": word}
            )
        elif len(plain) == 1 and plain.isascii():
            complaints.append(_("“%(word)s” is too short: write at least two letters.") % {"word": word})
    if len(words) > MOST_WORDS:
        complaints.append(_("There may be %(most)d words.") % {"most": MOST_WORDS})
    return complaints
