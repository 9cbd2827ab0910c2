"""One person, one number, in the countries whose mobile numbers are written and registered in two ways.

Brazil gave its mobile numbers a ninth digit, Mexico dropped the 1 after its country code, and Argentina puts a 9 there
for calls from abroad. WhatsApp knows many accounts by the form in which they were registered. Everything here is
stored under the present form (`canonical`); the others are only ever seen on the wire (`others`).
"""

import re
from typing import Final

_BRAZIL_OF_EIGHT: Final = re.compile(r"\+55([1-9][1-9])([6-9][0-9]{7})")  # land lines begin with 2 to 5
_BRAZIL: Final = re.compile(r"\+55([1-9][1-9])9([6-9][0-9]{7})")
# A number that is a land line is never also a mobile one behind a 9, so the 9 can be added whichever it is.
_ARGENTINA_WITHOUT_9: Final = re.compile(r"\+54([123][0-9]{9})")
_ARGENTINA: Final = re.compile(r"\+549([123][0-9]{9})")
_MEXICO_WITH_1: Final = re.compile(r"\+521([2-9][0-9]{9})")
_MEXICO: Final = re.compile(r"\+52([2-9][0-9]{9})")


def canonical(number: str) -> str:
    """The one form of an E.164 number under which its owner is stored. Anything else is returned as it is."""
    match number[:3]:
        case "+55":
            return f"+55{found[1]}9{found[2]}" if (found := _BRAZIL_OF_EIGHT.fullmatch(number)) else number
        case "+54":
            return f"+549{found[1]}" if (found := _ARGENTINA_WITHOUT_9.fullmatch(number)) else number
        case "+52":
            return f"+52{found[1]}" if (found := _MEXICO_WITH_1.fullmatch(number)) else number
    return number


def others(number: str) -> tuple[str, ...]:
    """The forms besides this canonical one under which WhatsApp may know its owner."""
    match number[:3]:
        case "+55":
            return (f"+55{found[1]}{found[2]}",) if (found := _BRAZIL.fullmatch(number)) else ()
        case "+54":
            return (f"+54{found[1]}",) if (found := _ARGENTINA.fullmatch(number)) else ()
        case "+52":
            return (f"+521{found[1]}",) if (found := _MEXICO.fullmatch(number)) else ()
    return ()
