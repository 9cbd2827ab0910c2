"""What people write about a campaign, field by field, as the API names the fields: storing it, and telling what changed.

Whether it is complete is not asked here: a draft may lack anything. What cannot be stored at all is refused.
"""

from collections.abc import Mapping
from typing import Any, Final

from django.core.exceptions import ValidationError
from django.db.models import Model
from django.utils.translation import gettext as _

from accounts.fields import validate_time_zone
from campaigns.checks import (
    LONGEST_DELAY_MS,
    LONGEST_NAME,
    Errors,
    check_fields,
    check_segments,
    check_variables,
    delays_of,
    parsed_texts,
)
from campaigns.models import Campaign
from campaigns.occurrences import forget_audience
from contacts import columns as column_rules
from contacts.models import ListImport
from messaging import template_text
from messaging.services import NotAllowed
from messaging.variants import plans
from messaging.variants.plans import VariantPlan
from messaging.windows import parse as parse_windows

OF_CAMPAIGN: Final = ("name", "contact_list", "segment")
OF_BATCH: Final = {  # field → the batch's column
    "template": "text",
    "media": "media",
    "kind": "kind",
    "template_version": "template_version",
    "min_delay_ms": "min_delay_ms",
    "max_delay_ms": "max_delay_ms",
    "windows": "windows",
    "timezone": "timezone",
    "recipient_time": "recipient_time",
    "typing": "typing",
    "purpose": "purpose",
    "track_links": "track_links",
}
OF_BATCH_MANY: Final = ("senders",)
DELAYS: Final = ("min_delay_ms", "max_delay_ms")  # None leaves them as they are
OF_CAMPAIGN_MANY: Final = ("excluded_lists", "excluded_segments")
VARIANTS: Final = "variant_plan"
FIELDS: Final = (*OF_CAMPAIGN, *OF_BATCH, *OF_BATCH_MANY, *OF_CAMPAIGN_MANY, VARIANTS)
# Decides who gets a message and who is skipped: after a change of one of these the audience is fixed anew.
OF_AUDIENCE: Final = frozenset(
    {"contact_list", "segment", "excluded_lists", "excluded_segments", "template", "purpose", "file", "variant_plan"}
)
# What may change once sending has begun; it holds for whatever is not yet queued.
WHILE_SENDING: Final = frozenset(
    {
        *("name", "template", "media", "kind", "template_version", "senders", "min_delay_ms", "max_delay_ms"),
        *("windows", "timezone", "recipient_time", "typing"),
    }
)
LONGEST_STORED_TEXT: Final = 5 * template_text.LONGEST  # a draft may be too long for a while


class Outdated(NotAllowed):
    """Somebody else changed the campaign since it was read."""


def check_version(campaign: Campaign, version: int | None) -> None:
    """Raises `Outdated` where the campaign is no longer as whoever changes it has seen it."""
    if version is not None and version != campaign.version:
        raise Outdated(_("Somebody changed this campaign meanwhile. Load it again, then make your change."))


def check_storable(campaign: Campaign, given: Mapping[str, Any]) -> None:
    """Raises `ValidationError` with the fields' names for what cannot even be stored in a draft."""
    errors = Errors()
    if len(given.get("name", "").strip()) > LONGEST_NAME:
        errors.add("name", _("The name may have 120 characters."))
    if len(given.get("template", "")) > LONGEST_STORED_TEXT:
        errors.add("template", _("The text is far too long: shorten it, or it is not kept."))
    if "windows" in given:
        errors.collect("windows", lambda: parse_windows(given["windows"] or []))
    if given.get("timezone"):
        errors.collect("timezone", lambda: validate_time_zone(given["timezone"]))
    shortest, longest = (getattr(campaign.batch, name) if given.get(name) is None else given[name] for name in DELAYS)
    if not 0 <= shortest <= LONGEST_DELAY_MS:
        errors.add("min_delay_ms", _("The delay must be between 0 and 3,600,000 milliseconds."))
    elif not shortest <= longest <= LONGEST_DELAY_MS:
        errors.add("max_delay_ms", _("The longest delay must not be below the shortest, nor above an hour."))
    errors.raise_any()


def apply(campaign: Campaign, given: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Stores the fields that are given, and tells which of them differ: `{field: {"from": …, "to": …}}`, people's
    names for rows. The caller holds the campaign's lock and has checked them."""
    changes: dict[str, dict[str, Any]] = {}
    for field in FIELDS:
        if field not in given or (field in DELAYS and given[field] is None) or field == VARIANTS:
            continue
        row = campaign.batch if field in OF_BATCH or field in OF_BATCH_MANY else campaign
        column = OF_BATCH.get(field, field)
        if field in OF_BATCH_MANY or field in OF_CAMPAIGN_MANY:
            before, after = set(getattr(row, column).all()), set(given[field])
            if before != after:
                getattr(row, column).set(after)
        else:
            before, after = getattr(row, column), _cleaned(field, given[field])
            setattr(row, column, after)
        if before != after:
            changes[field] = {"from": _plain(before), "to": _plain(after)}
    if "template" in changes and VARIANTS not in given:
        plans.follow_text(campaign.batch)
    if VARIANTS in given:
        changes |= _set_variants(campaign, given[VARIANTS])
    if changes:
        campaign.version += 1
        campaign.save(update_fields=[*OF_CAMPAIGN, "version"])
        campaign.batch.save(update_fields=list(OF_BATCH.values()))
    return changes


def _set_variants(campaign: Campaign, plan: VariantPlan) -> dict[str, dict[str, Any]]:
    """People who were dealt a variant that goes are forgotten: the audience is fixed anew."""
    before = _described(plans.plan_of(campaign.batch))
    errors = Errors()
    errors.collect_all(lambda: plans.check(plan, track_links=campaign.batch.track_links))
    errors.raise_any()
    if before == _described(plan):
        return {}
    forget_audience(campaign)
    plans.set_plan(batch=campaign.batch, plan=plan)
    return {VARIANTS: {"from": before, "to": _described(plan)}}


def _described(plan: VariantPlan) -> dict[str, Any]:
    shares = plans.equal_shares(len(plan.variants)) if plan.variants else []
    return {
        "variants": [
            {
                "name": plans.name_of(each, position),
                "text": each.text,
                "share": shares[position] if each.share is None else each.share,
            }
            for position, each in enumerate(plan.variants)
        ],
        "goal": str(plan.goal),
        "holdout_share": plan.holdout_share,
        "test_share": plan.test_share,
        "measure_minutes": plan.measure_minutes,
        "decide_early": plan.decide_early,
    }


def _cleaned(field: str, value: Any) -> Any:
    if field == "name":
        return value.strip()
    return [] if field == "windows" and value is None else value


def _plain(value: Any) -> Any:
    if isinstance(value, set):
        return sorted(str(each) for each in value)
    return str(value) if isinstance(value, Model) else value


def problems(campaign: Campaign) -> dict[str, list[str]]:
    """What keeps a campaign from being finished, by field: everything that a new campaign is refused for."""
    errors, batch = Errors(), campaign.batch
    plan = plans.plan_of(batch)
    errors.collect_all(lambda: plans.check(plan, track_links=batch.track_links))
    parsed = parsed_texts(errors, batch.text, plan, batch.media, batch.kind)
    senders = list(batch.senders.all())
    check_fields(
        errors, campaign.name, campaign.list_import_id is not None, campaign.contact_list, campaign.segment, senders
    )
    check_segments(errors, campaign.segment, list(campaign.excluded_segments.all()))
    delays_of(errors, senders, batch.min_delay_ms, batch.max_delay_ms)
    errors.collect("windows", lambda: parse_windows(batch.windows))
    sheet = campaign.list_import
    if sheet is not None and sheet.status not in (ListImport.Status.READING, ListImport.Status.READY):
        errors.add("file", sheet.error or _("The sheet was dropped. Upload it again."))
    elif parsed and (sheet is None or sheet.columns):
        columns = column_rules.from_json(sheet.columns) if sheet else []
        errors.collect(
            "variants" if plan.variants else "template",
            lambda: check_variables(parsed, columns, campaign.contact_list, campaign.segment),
        )
    return errors.by_field


def check_complete(campaign: Campaign) -> None:
    """Raises `ValidationError` with the fields' names for a campaign that nobody could start."""
    if found := problems(campaign):
        raise ValidationError({field: list(texts) for field, texts in found.items()})
