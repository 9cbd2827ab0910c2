"""What is wrong with what a campaign's people would get: looked for in all of their texts, before they leave.

Each check is a condition in SQL over the messages that wait, so that a million people are counted by a few statements
and the people concerned can be listed by the same words. People who were skipped already, when the audience was fixed,
count with their reason.
"""

import hashlib
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.db.models import TextChoices
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.models import Organization
from campaigns.links import ODD, SHORTENERS, SUSPICIOUS
from campaigns.models import Campaign
from contacts import opt_out_texts
from contacts.opt_out_languages import ENGLISH, LANGUAGES
from contacts.queries import settings_of
from contacts.segments.services import WORK_MEMORY
from messaging import counts, sources
from messaging.models import MessageStatus, Purpose, SkipReason
from messaging.services import NotAllowed
from messaging.template_sql import Texts
from messaging.template_text import Template

MANY = 20_000  # of so many people the figures are kept for a moment
KEPT_SECONDS = 30
THAI = 0x0E00  # from here on scripts have no spaces between words, but for Korean


class Code(TextChoices):
    """In the order in which they are shown: what blocks a start first."""

    BRACES = "braces", gettext_lazy("Braces that nothing was put in for")
    EMPTY_TEXT = "empty_text", gettext_lazy("Nothing left of the text")
    TOO_LONG = "too_long", gettext_lazy("Longer than WhatsApp takes")
    MISSING_VARIABLE = "missing_variable", gettext_lazy("A variable of the text is empty")
    SUSPICIOUS_LINK = "suspicious_link", gettext_lazy("A link that looks like fraud")
    NO_OPT_OUT = "no_opt_out", gettext_lazy("No word on how to leave")
    RECENT = "recent", gettext_lazy("Messaged lately")
    BLOCKED = "blocked", gettext_lazy("On the blocklist")
    OPTED_OUT = "opted_out", gettext_lazy("Asked not to be messaged")
    NO_CONSENT = "no_consent", gettext_lazy("Has not agreed to be messaged")
    NOT_ON_WHATSAPP = "not_on_whatsapp", gettext_lazy("Not on WhatsApp")
    FREQUENCY_CAP = "frequency_cap", gettext_lazy("Messaged too often")
    INVALID_NUMBER = "invalid_number", gettext_lazy("Not a possible mobile number")
    DUPLICATE = "duplicate", gettext_lazy("Same person twice")


# Whoever read these texts would wonder who sent them.
EMBARRASSING = (Code.BRACES, Code.EMPTY_TEXT, Code.TOO_LONG)
SKIPPED = {code for code in Code if code.value in SkipReason.values}


HINTS = {
    Code.BRACES: gettext_lazy("People would read braces. Write variables as {{name}} and choices as {Hi|Hello}."),
    Code.EMPTY_TEXT: gettext_lazy("WhatsApp refuses it. Write something that does not depend on a variable."),
    Code.TOO_LONG: gettext_lazy("WhatsApp refuses it. Shorten the text, or the values in the list."),
    Code.MISSING_VARIABLE: gettext_lazy(
        "They are skipped. Write what stands in its place, as in {{name|there}}, to reach them as well."
    ),
    Code.SUSPICIOUS_LINK: gettext_lazy(
        "A shortener, a bare address or look-alike letters: people report such messages, and senders get banned."
    ),
    Code.NO_OPT_OUT: gettext_lazy("Put {{unsubscribe}} in: who cannot leave reports you instead."),
    Code.RECENT: gettext_lazy("They got a message within the days that the settings name. They get this one too."),
}


@dataclass(frozen=True)
class Finding:
    """`count` people are concerned. What is `blocking` keeps the campaign from starting unless somebody accepts it."""

    code: Code
    count: int
    blocking: bool

    @property
    def label(self) -> str:
        return str(self.code.label)

    @property
    def hint(self) -> str:
        """What it means, and what can be done."""
        return str(HINTS.get(self.code, _("They are skipped.")))

    @property
    def is_skipped(self) -> bool:
        return self.code in SKIPPED


class LintRefused(NotAllowed):
    """The campaign would embarrass. `findings` are those that block."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self.findings = findings
        super().__init__(" ".join(reason(finding) for finding in findings))


def reason(finding: Finding) -> str:
    """Why a campaign was not started, and what to do."""
    numbers = {"n": finding.count}
    if finding.code == Code.BRACES:
        said = ngettext("%(n)d text has braces in it", "%(n)d texts have braces in them", finding.count) % numbers
        return _("%(said)s that nothing was put in for: write variables as {{name}}.") % {"said": said}
    if finding.code == Code.EMPTY_TEXT:
        said = ngettext("%(n)d text is empty.", "%(n)d texts are empty.", finding.count) % numbers
        return _("%(said)s Write something that does not depend on a variable.") % {"said": said}
    if finding.code == Code.TOO_LONG:
        said = ngettext("%(n)d text is too long.", "%(n)d texts are too long.", finding.count) % numbers
        return _("%(said)s Shorten the text, or the values in the list.") % {"said": said}
    return _("Everybody lacks a value that the text asks for. Write what stands in its place, as in {{name|there}}.")


class Lint:
    """The checks of one campaign at one moment."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        self.batch = campaign.batch
        self.organization = campaign.organization
        self.texts = Texts(self.batch, self.organization)
        self.figures = counts.of_batches([self.batch.pk])[self.batch.pk]
        self.pending = self.figures.get((MessageStatus.PENDING, ""), 0)
        self.parameters: dict[str, Any] = {
            **self.texts.parameters,
            "batch": self.batch.pk,
            "organization": self.organization.pk,
            "pending": MessageStatus.PENDING,
            "sent": MessageStatus.SENT,
            "suspicious": SUSPICIOUS,
            "shorteners": [_anywhere(name) for name in SHORTENERS],
            "odd_links": ODD,
            "recent_since": now() - timedelta(days=self.organization.recent_days),
            "checked_since": now() - timedelta(days=settings.NUMBER_CHECK_DAYS),
        }

    def findings(self, only: Collection[Code] | None = None) -> list[Finding]:
        """What was found, without what concerns nobody."""
        wanted = [code for code in Code if only is None or code in only]
        found = dict.fromkeys(wanted, 0)
        for code in wanted:
            if code in SKIPPED:
                found[code] += self.figures.get((MessageStatus.SKIPPED, code.value), 0)
        if self.pending:
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute("SELECT set_config('work_mem', %s, TRUE)", [WORK_MEMORY])
                for code, number in [*self._of_texts(cursor, wanted), *self._of_people(cursor, wanted)]:
                    found[code] += number
        return [Finding(code, number, self._blocks(code, number)) for code, number in found.items() if number]

    def _blocks(self, code: Code, number: int) -> bool:
        return code in EMBARRASSING or (code == Code.MISSING_VARIABLE and not self.pending and number > 0)

    # -- What the texts say --

    def _of_texts(self, cursor: Any, wanted: Collection[Code]) -> list[tuple[Code, int]]:
        """One walk over the messages that wait, for all that has to be looked for in what they say."""
        checks = {code: self._in_text(code) for code in wanted}
        asked = {code: condition for code, condition in checks.items() if condition not in (None, "FALSE")}
        if not asked:
            return []
        figures = ", ".join(f"count(*) FILTER (WHERE {condition})" for condition in asked.values())
        cursor.execute(f"SELECT {figures} FROM ({self._rows()}) AS waiting", self.parameters)
        return list(zip(asked, cursor.fetchone(), strict=True))

    def _rows(self) -> str:
        """Of each message that waits its text, put together once however many checks ask for it."""
        texts = self.texts
        return f"""
            SELECT message.id, message.phone_number, {texts.text} AS text, {texts.most} AS most,
                {texts.has_file} AS has_file
            FROM messaging_message AS message WHERE message.batch_id = %(batch)s AND message.stage = %(pending)s OFFSET 0
        """

    def _in_text(self, code: Code) -> str | None:
        """The condition over a row of `_rows`; None where the code does not concern the text."""
        if code == Code.BRACES:
            return r"strpos(text, '{') + strpos(text, '}') > 0 AND text ~ '\{\{|\}\}|\{[^{}\n]*[}|]'"
        if code == Code.EMPTY_TEXT:
            return "NOT has_file AND btrim(text, %(blanks)s) = ''"
        if code == Code.TOO_LONG:
            return "length(text) > most"
        if code == Code.SUSPICIOUS_LINK:
            if not self._may_have_links():
                return "FALSE"
            hint = "lower(text) LIKE ANY(%(shorteners)s) OR lower(text) ~ %(odd_links)s"
            return f"CASE WHEN {hint} THEN text ~* %(suspicious)s ELSE FALSE END"
        if code == Code.NO_OPT_OUT:
            return self._without_opt_out()
        return None

    def _may_have_links(self) -> bool:
        return any(
            not isinstance(part, str) or "/" in part or "." in part
            for template in self.texts.templates
            for part in template.parts
        )

    def _without_opt_out(self) -> str:
        """Marketing has to say how to leave: by {{unsubscribe}}, or by a word that opts out."""
        if self.batch.purpose != Purpose.MARKETING:
            return "FALSE"
        leaving = _leaving(self.organization)
        if all(re.search(leaving, _plain(template), re.IGNORECASE) for template in self.texts.templates):
            return "FALSE"  # whatever is put in, and whichever option is taken
        self.parameters["leaving"] = leaving.replace(r"\b", r"\y")
        self.parameters["leaving_words"] = [_anywhere(word.lower()) for word in _leaving_words(self.organization)]
        return "CASE WHEN lower(text) LIKE ANY(%(leaving_words)s) THEN text !~* %(leaving)s ELSE TRUE END"

    # -- Who the people are --

    def _of_people(self, cursor: Any, wanted: Collection[Code]) -> list[tuple[Code, int]]:
        found = []
        for code in wanted:
            if condition := self._of_person(code):
                cursor.execute(f"SELECT count(*) FROM {self._waiting()} WHERE {condition}", self.parameters)
                found.append((code, cursor.fetchone()[0]))
        return found

    def _waiting(self) -> str:
        return """(
            SELECT id, phone_number FROM messaging_message WHERE batch_id = %(batch)s AND stage = %(pending)s
        ) AS waiting"""

    def _of_person(self, code: Code) -> str | None:
        """The condition over `phone_number`; None where the code does not ask who it is."""
        if code == Code.RECENT and self.organization.recent_days:
            return """phone_number IN (
                SELECT phone_number FROM messaging_message
                WHERE organization_id = %(organization)s AND direction = 'out' AND stage = %(sent)s AND group_id IS NULL
                    AND sent_at > %(recent_since)s
            )"""
        if code == Code.NO_CONSENT and sources.needs_consent(self.batch):
            return """phone_number NOT IN (
                SELECT phone_number FROM contacts_consent WHERE organization_id = %(organization)s AND is_given
            )"""
        if code == Code.NOT_ON_WHATSAPP:
            return """phone_number IN (
                SELECT phone_number FROM senders_numbercheck
                WHERE organization_id = %(organization)s AND NOT exists AND checked_at > %(checked_since)s
            )"""
        if code in (Code.BLOCKED, Code.OPTED_OUT):
            return f"""phone_number IN (
                SELECT phone_number FROM contacts_blocklistentry
                WHERE organization_id = %(organization)s AND reason = '{code.value}'
            )"""
        return None

    # -- Whom it concerns --

    def people(self, code: Code, *, after: str = "", before: str = "", limit: int) -> list[int]:
        """The ids of the messages concerned, by phone number: those after one number, or those before another one."""
        concerned = [f"stage = %(pending)s AND {condition}" for condition in self._conditions(code)]
        if code in SKIPPED:
            concerned.append(f"stage = {MessageStatus.SKIPPED.value} AND skip_reason = '{code.value}'")
        edge = "phone_number < %(before)s" if before else "phone_number > %(after)s"
        with connection.cursor() as cursor:
            cursor.execute(
                f"""
                SELECT id FROM (
                    SELECT message.id, message.phone_number, message.stage, message.skip_reason,
                        {self.texts.text} AS text, {self.texts.most} AS most, {self.texts.has_file} AS has_file
                    FROM messaging_message AS message
                    WHERE message.batch_id = %(batch)s AND message.phone_number <> ''
                ) AS people
                WHERE {edge} AND ({" OR ".join(f"({each})" for each in concerned) or "FALSE"})
                ORDER BY phone_number {"DESC" if before else ""} LIMIT %(limit)s
                """,
                {**self.parameters, "after": after, "before": before, "limit": limit},
            )
            ids = [row[0] for row in cursor.fetchall()]
        return ids[::-1] if before else ids

    def _conditions(self, code: Code) -> list[str]:
        return [condition for condition in (self._in_text(code), self._of_person(code)) if condition]


def _leaving_words(organization: Organization) -> list[str]:
    """What tells people how to leave: the text of {{unsubscribe}}, and words that opt out, as the organization has
    chosen them or else as its language and English name them."""
    chosen = settings_of(organization)
    words = chosen.opt_out_words
    if words is None:
        words = [*LANGUAGES[opt_out_texts.language_of(chosen)].stop, *LANGUAGES[ENGLISH].stop]
    return list(dict.fromkeys([opt_out_texts.unsubscribe_text(chosen), *filter(None, words)]))


def _leaving(organization: Organization) -> str:
    """A regular expression for these, as whole words."""
    text, *words = _leaving_words(organization)
    # A script that is written without spaces has no edges of words.
    whole = [rf"\b{re.escape(word)}\b" if ord(max(word)) < THAI else re.escape(word) for word in words]
    return "|".join([re.escape(text), *whole])


def _anywhere(text: str) -> str:
    """A pattern for LIKE. It is looked for first: comparing a million texts with a regular expression of many words
    takes minutes."""
    return "%" + re.sub(r"([\\%_])", r"\\\1", text) + "%"


def _plain(template: Template) -> str:
    """What stands in every text of a template."""
    return " ".join(part if isinstance(part, str) else "\0" for part in template.parts)


# -- For whoever starts a campaign --


def findings_of(campaign: Campaign) -> list[Finding]:
    """What was found, at most half a minute old where there are many people."""
    if campaign.frozen_at is None:
        return []
    lint = Lint(campaign)
    if lint.pending < MANY:
        return lint.findings()
    key = f"lint:{campaign.batch_id}:{lint.pending}:{fingerprint(campaign)}"
    found: list[Finding] | None = cache.get(key)
    if found is None:
        found = lint.findings()
        cache.set(key, found, KEPT_SECONDS)
    return found


def fingerprint(campaign: Campaign) -> str:
    """Stands for what the campaign says. Who accepts findings accepts them of this, and not of what comes later."""
    batch = campaign.batch
    said: list[Any] = [batch.text, batch.kind, batch.media_id]
    said += list(batch.variants.order_by("position").values_list("text", "kind", "media_id"))
    return hashlib.sha256(repr(said).encode()).hexdigest()


def accept(campaign: Campaign) -> None:
    """Remembers that what the campaign says now is to be sent in spite of what is found."""
    campaign.lint_accepted = fingerprint(campaign)
    Campaign.objects.filter(pk=campaign.pk).update(lint_accepted=campaign.lint_accepted)


def require_fine(campaign: Campaign) -> None:
    """Raises `LintRefused` where starting would embarrass and nobody has accepted that. Where nobody is left to send
    to, because all lack a value, starting the batch is refused anyway."""
    if campaign.frozen_at is None or campaign.lint_accepted == fingerprint(campaign):
        return
    if found := Lint(campaign).findings(only=EMBARRASSING):
        raise LintRefused(found)
