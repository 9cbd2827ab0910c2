"""Who would get a campaign's message if its audience were fixed now: counted in one statement, nothing is written.

The rules are those of `campaigns.audience`, which fixes it, and of the planner, which skips whoever was messaged too
often. What only a provider knows (not on WhatsApp) is not known here.
"""

from dataclasses import dataclass, field
from datetime import datetime

from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from campaigns.audience import SOURCES, UNITED, people_of
from campaigns.models import Campaign
from contacts.models import ListImport
from contacts.segments.services import measured
from messaging import sources
from messaging.models import MessageStatus, SkipReason
from messaging.template_text import TemplateError
from messaging.variants import plans

EXCLUDED = "excluded"
SKIPS: dict[str, str | Promise] = {EXCLUDED: _("Left out"), **dict(SkipReason.choices)}

_COUNT = (
    "WITH "
    + SOURCES
    + r""", people AS (
    SELECT phone_number, listed.id IS NOT NULL AND row_number IS NOT NULL AS is_both, spared.phone_number IS NOT NULL
        AS is_spared, {missing} AS is_missing
    FROM listed FULL JOIN sheet USING (phone_number)
    LEFT JOIN (SELECT DISTINCT phone_number FROM excluded) AS spared USING (phone_number)
)
SELECT CASE WHEN is_spared THEN 'excluded' WHEN blocked.reason IS NOT NULL THEN blocked.reason
        WHEN {unwanted} THEN 'no_consent' WHEN is_missing THEN 'missing_variable' WHEN {capped} THEN 'frequency_cap'
        ELSE '' END, count(*), count(*) FILTER (WHERE is_both), """
    + UNITED
    + """
FROM people LEFT JOIN contacts_blocklistentry AS blocked
    ON blocked.organization_id = %(organization)s AND blocked.phone_number = people.phone_number {joins}
GROUP BY 1
"""
)
# Of the person's own row, for the statement need not put the values of a million people together.
_LISTED_VALUES = "contact.name, contact.attributes"
_FROM_LIST = {"phone": "phone_number", "name": "COALESCE(NULLIF(listed.name, ''), listed.attributes ->> 'name')"}
_AGREED = """LEFT JOIN (
    SELECT phone_number FROM contacts_consent WHERE organization_id = %(organization)s AND is_given
) AS agreed ON agreed.phone_number = people.phone_number"""
# By when messages were sent, which an index has; the planner looks at when they were due, seconds before.
_CAPPED = """LEFT JOIN (
    SELECT phone_number FROM (
        SELECT phone_number FROM messaging_message
        WHERE organization_id = %(organization)s AND direction = 'out' AND stage = %(sent)s AND group_id IS NULL
            AND batch_id IS NOT NULL AND sent_at > now() - %(cap_days)s * interval '1 day'
        UNION ALL
        SELECT phone_number FROM messaging_message
        WHERE organization_id = %(organization)s AND stage IN (%(queued)s, %(sending)s) AND batch_id IS NOT NULL
            AND sender_id IN (SELECT id FROM senders_sender WHERE organization_id = %(organization)s)
    ) AS recent GROUP BY 1 HAVING count(*) >= %(cap_messages)s
) AS capped ON capped.phone_number = people.phone_number"""


@dataclass(frozen=True)
class AudienceCount:
    """`people` are all whom the campaign names, each once; of them `will_get` get the message and `skips` do not, by
    reason. `merged` rows gave way to another of the same person. While the sheet `is_reading`, its people are not
    counted yet."""

    at: datetime
    people: int = 0
    will_get: int = 0
    skips: dict[str, int] = field(default_factory=dict)
    merged: int = 0
    invalid_rows: int = 0
    is_reading: bool = False

    @property
    def shown_skips(self) -> list[tuple[str | Promise, int]]:
        return [(SKIPS.get(reason, reason), number) for reason, number in self.skips.items()]


def count(campaign: Campaign) -> AudienceCount:
    """Raises `InvalidFilter` of a segment that asks for what is no longer there, and `TooSlow`."""
    at, sheet = now(), campaign.list_import
    chosen, excluded = people_of(campaign, at)
    organization = campaign.organization
    required = _required(campaign)
    needs_consent = sources.needs_consent(campaign.batch)
    is_capped = bool(organization.cap_messages and organization.cap_days)
    statement = _COUNT.format(
        chosen=chosen.sql,
        excluded=excluded.sql,
        listed_values=_LISTED_VALUES,
        missing=" OR ".join(_missing(key, f"required_{index}") for index, key in enumerate(required)) or "FALSE",
        unwanted="agreed.phone_number IS NULL" if needs_consent else "FALSE",
        capped="capped.phone_number IS NOT NULL" if is_capped else "FALSE",
        joins=" ".join([_AGREED] * needs_consent + [_CAPPED] * is_capped),
    )
    with measured() as cursor:
        cursor.execute(
            statement,
            {
                **chosen.parameters,
                **excluded.parameters,
                "list_import": campaign.list_import_id,
                "organization": organization.pk,
                **{f"required_{index}": key for index, key in enumerate(required)},
                "cap_days": organization.cap_days,
                "cap_messages": organization.cap_messages,
                "sent": MessageStatus.SENT,
                "queued": MessageStatus.QUEUED,
                "sending": MessageStatus.SENDING,
            },
        )
        rows = cursor.fetchall()
    numbers = {reason: number for reason, number, _both, _united in rows}
    gave_way = sum(both for _reason, _number, both, _united in rows) + (rows[0][3] if rows else 0)
    return AudienceCount(
        at=at,
        people=sum(numbers.values()),
        will_get=numbers.pop("", 0),
        skips=dict(sorted(numbers.items(), key=lambda found: -found[1])),
        merged=gave_way + (sheet.merged if sheet else 0),
        invalid_rows=sheet.invalid if sheet else 0,
        is_reading=sheet is not None and sheet.status == ListImport.Status.READING,
    )


def _missing(key: str, parameter: str) -> str:
    """SQL of whether somebody has no value for the variable that the parameter names; the sheet's value wins."""
    listed = _FROM_LIST.get(key, f"listed.attributes ->> %({parameter})s")
    return rf"COALESCE(sheet.values ->> %({parameter})s, {listed}, '') !~ '\S'"


def _required(campaign: Campaign) -> list[str]:
    """None while the text cannot be read yet."""
    if not campaign.batch.text.strip():
        return []
    try:
        templates = plans.templates_of(campaign.batch)
    except TemplateError:
        return []
    return list(dict.fromkeys(key for template in templates for key in template.required))
