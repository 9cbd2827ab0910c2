"""Forms of the blocklist, and of the words and texts with which people leave and return."""

import re
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from accounts.models import Organization
from contacts import opt_out_texts
from contacts.models import BlocklistEntry, ContactSettings, OptOutEvent
from contacts.opt_out_languages import LANGUAGES, with_texts
from contacts.opt_out_words import check_words, default_words, read_words
from contacts.phone_numbers import read_number

MOST_PASTED = 10_000
PROBLEMS_NAMED = 5


class BlockForm(forms.Form):
    """One number or many, as they were pasted: one a line, or between commas."""

    numbers = forms.CharField(
        label=_("Phone numbers"),
        max_length=400_000,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off", "spellcheck": "false"}),
        help_text=_("One a line, or separated by commas, as people write them."),
        error_messages={"required": _("Write at least one number.")},
    )
    reason = forms.ChoiceField(label=_("Reason"), choices=BlocklistEntry.Reason.choices)

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._region = organization.default_region

    def clean_numbers(self) -> list[str]:
        """The numbers in E.164, each once."""
        numbers: dict[str, None] = {}
        wrong: list[str] = []
        for piece in filter(None, map(str.strip, re.split(r"[\n,;\t]+", self.cleaned_data["numbers"]))):
            read = read_number(piece, self._region, allow_fixed_line=True)
            if read.number:
                numbers.update(dict.fromkeys((read.number, *read.others)))
            else:
                wrong.append(piece[:40])
        if wrong:
            raise ValidationError(_not_numbers(wrong))
        if len(numbers) > MOST_PASTED:
            raise ValidationError(
                _g("At most %(most)s numbers can be pasted at once. Upload a file instead.")
                % {"most": f"{MOST_PASTED:,}"}
            )
        return list(numbers)


def _not_numbers(wrong: list[str]) -> str:
    named = ", ".join(f"“{piece}”" for piece in wrong[:PROBLEMS_NAMED])
    more = len(wrong) - PROBLEMS_NAMED
    if more > 0:
        words = ngettext(
            "%(named)s and %(n)d more are no phone numbers.", "%(named)s and %(n)d more are no phone numbers.", more
        )
        return words % {"named": named, "n": more}
    return ngettext("%(named)s is no phone number.", "%(named)s are no phone numbers.", len(wrong)) % {"named": named}


class OptOutForm(forms.Form):
    """What the organization decides about leaving and returning."""

    opt_out_words = forms.CharField(
        label=_("Words that opt out"),
        max_length=40_000,
        widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=_(
            "One a line. A message counts if it says nothing else; case, accents, punctuation and emoji do not matter."
        ),
    )
    opt_in_words = forms.CharField(
        label=_("Words that return"),
        max_length=40_000,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        help_text=_("Only for people who opted out themselves. Whoever was blocked by staff stays blocked."),
    )
    language = forms.ChoiceField(label=_("Language of the texts below"), required=False)
    unsubscribe_text = forms.CharField(
        label=_("Text of {{unsubscribe}}"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    opt_out_reply = forms.CharField(
        label=_("Answer to who opts out"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    opt_in_reply = forms.CharField(
        label=_("Answer to who returns"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    opt_out_rate_days = forms.IntegerField(
        label=_("Days that an opt-out counts for a campaign"),
        min_value=1,
        max_value=90,
        help_text=_("Whoever opts out within these days after a campaign's message counts in its opt-out rate."),
    )

    def __init__(self, data: Any = None, *, settings: ContactSettings) -> None:
        kind = OptOutEvent.Kind
        stop, start = settings.opt_out_words, settings.opt_in_words
        initial = {
            "opt_out_words": "\n".join(default_words(kind.OPTED_OUT) if stop is None else stop),
            "opt_in_words": "\n".join(default_words(kind.OPTED_IN) if start is None else start),
            "opt_out_rate_days": settings.opt_out_rate_days,
            **{name: getattr(settings, name) for name in ("language", *TEXTS)},
        }
        super().__init__(data, initial=initial)
        own = LANGUAGES[opt_out_texts.language_of(ContactSettings(organization=settings.organization))].name
        usual = _g("By the phone region: %(language)s") % {"language": own}
        self.fields["language"].choices = [("", usual), *with_texts().items()]  # type: ignore[attr-defined]
        shown = ContactSettings(organization=settings.organization, language=settings.language)
        for name, text in TEXTS.items():
            self.fields[name].widget.attrs["placeholder"] = text(shown)
            self.fields[name].help_text = self.fields[name].help_text or _("Empty: the text shown in grey.")

    def clean_opt_out_words(self) -> list[str]:
        return read_words(self.cleaned_data["opt_out_words"])

    def clean_opt_in_words(self) -> list[str]:
        return read_words(self.cleaned_data["opt_in_words"])

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if "opt_out_words" in given and "opt_in_words" in given:
            check_words(stop=given["opt_out_words"], start=given["opt_in_words"])
        return given


TEXTS = {
    "unsubscribe_text": opt_out_texts.unsubscribe_text,
    "opt_out_reply": opt_out_texts.opt_out_reply,
    "opt_in_reply": opt_out_texts.opt_in_reply,
}
