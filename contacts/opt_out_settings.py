"""Changes to an organization's words and texts for leaving and returning."""

from typing import Any

from django.db import transaction

from accounts.models import Organization
from accounts.services import Actor, record
from contacts.models import ContactSettings, OptOutEvent
from contacts.opt_out_texts import check_texts
from contacts.opt_out_words import Words, as_set, check_words, default_words

_WORDS = {"opt_out_words": OptOutEvent.Kind.OPTED_OUT, "opt_in_words": OptOutEvent.Kind.OPTED_IN}
_TEXTS = ("unsubscribe_text", "opt_out_reply", "opt_in_reply")


def change(
    *,
    organization: Organization,
    opt_out_words: list[str],
    opt_in_words: list[str],
    language: str,
    opt_out_rate_days: int,
    by: Actor = None,
    **texts: str,
) -> ContactSettings:
    """Keeps what an organization decided; raises ValidationError by field. Words that are just the product's own are
    not kept, so that the product's grow with it; an empty text stands for the product's as well.

    It holds from the next message that arrives, in every process.
    """
    check_words(stop=opt_out_words, start=opt_in_words)
    check_texts(texts, Words(as_set(opt_out_words), as_set(opt_in_words)))
    wanted: dict[str, Any] = {
        "opt_out_words": _unless_usual(opt_out_words, "opt_out_words"),
        "opt_in_words": _unless_usual(opt_in_words, "opt_in_words"),
        "language": language,
        "opt_out_rate_days": opt_out_rate_days,
        **{name: texts.get(name, "").strip() for name in _TEXTS},
    }
    return _save(organization, wanted, by)


def reset_words(*, organization: Organization, by: Actor = None) -> ContactSettings:
    """Takes the product's words again. The texts stay."""
    return _save(organization, dict.fromkeys(_WORDS), by)


def _unless_usual(words: list[str], field: str) -> list[str] | None:
    return None if as_set(words) == as_set(default_words(_WORDS[field])) else words


def _save(organization: Organization, wanted: dict[str, Any], by: Actor) -> ContactSettings:
    with transaction.atomic():
        ContactSettings.objects.get_or_create(organization=organization)
        settings = ContactSettings.objects.select_for_update().get(organization=organization)
        changed = {field: value for field, value in wanted.items() if getattr(settings, field) != value}
        for field, value in changed.items():
            setattr(settings, field, value)
        if changed:
            settings.save(update_fields=list(changed))
            record(organization=organization, by=by, action="contacts.opt_out_changed", fields=sorted(changed))
    return settings
