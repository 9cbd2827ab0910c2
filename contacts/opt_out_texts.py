"""What people read about leaving and returning: the organization's own words, else the product's in its language."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from contacts.models import ContactSettings
from contacts.opt_out_languages import ENGLISH, LANGUAGES, OF_REGION, Language
from contacts.opt_out_words import Words

LONGEST = 500


def language_of(settings: ContactSettings) -> str:
    """The code of the language that the organization's texts are in: the chosen one, else that of its phone region."""
    if settings.language in LANGUAGES and LANGUAGES[settings.language].unsubscribe:
        return settings.language
    return OF_REGION.get(settings.organization.default_region, ENGLISH)


def _language(settings: ContactSettings) -> Language:
    return LANGUAGES[language_of(settings)]


def unsubscribe_text(settings: ContactSettings) -> str:
    """What stands for {{unsubscribe}}."""
    return settings.unsubscribe_text or _language(settings).unsubscribe


def opt_out_reply(settings: ContactSettings) -> str:
    return settings.opt_out_reply or _language(settings).opted_out


def opt_in_reply(settings: ContactSettings) -> str:
    return settings.opt_in_reply or _language(settings).opted_in


def check_texts(texts: dict[str, str], words: Words) -> None:
    """Raises ValidationError by field for texts that cannot be used. An empty text stands for the product's own."""
    errors = {}
    for field, text in texts.items():
        if len(text) > LONGEST:
            errors[field] = _("The text may have %(most)d signs; this one has %(length)d.") % {
                "most": LONGEST,
                "length": len(text),
            }
        elif "{{" in text:
            errors[field] = _("Variables are not filled in here. Write the text as people should read it.")
        elif words.meaning_of(text) is not None:
            errors[field] = _("This text is itself one of the words: two systems could answer each other for ever.")
    if errors:
        raise ValidationError(errors)
