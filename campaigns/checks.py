"""What must be right about a campaign before its people are read, said field by field."""

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from contacts import columns as column_rules
from contacts.columns import Column
from contacts.models import ContactList, Segment
from contacts.queries import variables_of_contacts, variables_of_list
from contacts.segments import services as segments
from contacts.sheet_errors import SheetError
from messaging import template_text
from messaging.kinds import WITH_FILE, Kind
from messaging.models import Media
from messaging.template_text import Template, TemplateError
from messaging.templates import complaint_about
from messaging.variants.plans import VariantPlan
from senders.models import Provider, Sender

Found = TypeVar("Found")

LONGEST_NAME = 120
SIMULATED_DELAYS_MS = 200, 600
REAL_DELAYS_MS = 3000, 8000  # what a person with both thumbs needs
LONGEST_DELAY_MS = 3_600_000


class Errors:
    """What is wrong with the fields of a form, gathered so that all of it is said at once."""

    def __init__(self) -> None:
        self.by_field: dict[str, list[str]] = {}

    def add(self, field: str, text: str) -> None:
        self.by_field.setdefault(field, []).append(text)

    def collect(self, field: str, check: Callable[[], Found]) -> Found | None:
        """What `check` gives; its complaint is noted instead where it raises one."""
        try:
            return check()
        except (TemplateError, SheetError) as error:
            self.add(field, str(error))
        except ValidationError as error:
            for text in error.messages:
                self.add(field, text)
        return None

    def collect_all(self, check: Callable[[], None]) -> None:
        """Notes what `check` says of several fields."""
        try:
            check()
        except ValidationError as error:
            for field, texts in error.message_dict.items():
                for text in texts:
                    self.add(field, text)

    def raise_any(self) -> None:
        if self.by_field:
            raise ValidationError({field: list(texts) for field, texts in self.by_field.items()})


def parsed_texts(
    errors: Errors, template: str, plan: VariantPlan, media: Media | None = None, kind: str = Kind.TEXT
) -> list[Template]:
    """All texts that somebody may get, taken apart; none where one cannot be used. A variant without a file has
    `media`."""
    if media is not None and kind not in WITH_FILE:
        errors.add("media", _("A file cannot be sent as %(kind)s.") % {"kind": kind or "?"})
        return []
    if not plan.variants:
        parsed = _parsed(errors, "template", template, media, kind)
        return [] if parsed is None else [parsed]
    if "variants" in errors.by_field:
        return []
    files = [(each.media, each.kind) if each.media is not None else (media, kind) for each in plan.variants]
    texts = [_parsed(errors, "variants", each.text, *file) for each, file in zip(plan.variants, files, strict=True)]
    return [text for text in texts if text is not None] if "variants" not in errors.by_field else []


def _parsed(errors: Errors, field: str, text: str, media: Media | None, kind: str) -> Template | None:
    if complaint := complaint_about(text, media, kind):
        errors.add(field, complaint)
        return None
    return template_text.parse(text, may_be_empty=media is not None)


def check_fields(
    errors: Errors,
    name: str,
    has_file: bool,
    contact_list: ContactList | None,
    segment: Segment | None,
    senders: list[Sender],
) -> None:
    if not name.strip():
        errors.add("name", _("Give the campaign a name."))
    if len(name.strip()) > LONGEST_NAME:
        errors.add("name", _("The name may have 120 characters."))
    if not has_file and contact_list is None and segment is None:
        errors.add("file", _("Upload an Excel sheet, or choose a list or a segment."))
    if contact_list is not None and not has_file and segment is None and not contact_list.contacts.exists():
        errors.add("contact_list", _("Nobody is on the list “%(name)s”.") % {"name": contact_list.name})
    if not senders:
        errors.add("senders", _("Choose at least one sender. Add one under Senders if there is none."))


def check_segments(errors: Errors, segment: Segment | None, excluded: Collection[Segment]) -> None:
    """A segment that asks for something that was deleted could mean everybody."""
    for field, each in [("segment", segment), *(("excluded_segments", each) for each in excluded)]:
        problem = segments.described(each)[1] if each is not None else ""
        if each is not None and problem:
            text = _("The segment “%(name)s” must be mended first. %(problem)s")
            errors.add(field, text % {"name": each.name, "problem": problem})


def delays_of(errors: Errors, senders: list[Sender], shortest: int | None, longest: int | None) -> tuple[int, int]:
    """The delays between two messages of one sender, in milliseconds: those given, or fitting ones."""
    all_simulated = bool(senders) and all(sender.provider == Provider.SIMULATED for sender in senders)
    usual = SIMULATED_DELAYS_MS if all_simulated else REAL_DELAYS_MS
    if shortest is None:
        shortest = usual[0] if longest is None else min(usual[0], longest)
    if longest is None:
        longest = max(usual[1], shortest)
    if not 0 <= shortest <= LONGEST_DELAY_MS:
        errors.add("min_delay_ms", _("The delay must be between 0 and 3,600,000 milliseconds."))
    elif not shortest <= longest <= LONGEST_DELAY_MS:
        errors.add("max_delay_ms", _("The longest delay must not be below the shortest, nor above an hour."))
    return shortest, longest


def check_variables(
    templates: list[Template], columns: Iterable[Column], contact_list: ContactList | None, segment: Segment | None
) -> None:
    """Raises `TemplateError` for a variable that neither the sheet's columns nor the list's contacts have, nor any of the
    organization's where a segment is chosen."""
    known = dict.fromkeys(column_rules.variables_of(columns))
    if contact_list is not None:
        used = [key for template in templates for key in template.variables]
        known.update(dict.fromkeys(variables_of_list(contact_list, used)))
    if segment is not None:
        known.update(dict.fromkeys(variables_of_contacts(segment.organization)))
    for template in templates:
        template_text.check(template, known)
