"""Reads that campaigns' pages and API share."""

from typing import Any

from django.db.models import Q, QuerySet

from accounts.models import Organization
from campaigns.models import Campaign, CampaignStatus, Schedule
from messaging import opt_out_rates, rendering
from messaging.models import BatchStatus, Message, MessageStatus
from messaging.queries import batch_stats

MOST_PREVIEWED = 100
TROUBLE = (MessageStatus.FAILED, MessageStatus.UNKNOWN, MessageStatus.SKIPPED)


def campaigns_of(organization: Organization) -> QuerySet[Campaign]:
    return Campaign.objects.for_organization(organization).select_related(
        *("batch__media", "batch__template_version", "batch__experiment"),
        *("schedule", "list_import", "contact_list", "segment", "organization"),
    )


def in_list(found: QuerySet[Campaign], *, archived: bool = False) -> QuerySet[Campaign]:
    """Those that are in the archive, or those that are not."""
    return found.filter(archived_at__isnull=not archived)


def with_status(found: QuerySet[Campaign], status: str) -> QuerySet[Campaign]:
    """Those whose `Campaign.status` is this one."""
    if status == CampaignStatus.DRAFT:
        return found.filter(is_draft=True)
    found = found.filter(is_draft=False)
    failed = ~Q(error="")
    if status == CampaignStatus.FAILED:
        return found.filter(failed)
    repeating = Q(schedule__isnull=False) & ~Q(schedule__kind=Schedule.Kind.ONCE)
    by_schedule = Q(batch__status=BatchStatus.READY) & (repeating | Q(schedule__next_at__isnull=False))
    reading = Q(frozen_at=None) & ~Q(batch__status=CampaignStatus.CANCELLED)
    if status == CampaignStatus.READING:
        return found.filter(~failed & reading & ~by_schedule)
    state = (
        {
            CampaignStatus.SCHEDULED: Schedule.State.ACTIVE,
            CampaignStatus.PAUSED: Schedule.State.PAUSED,
            CampaignStatus.COMPLETED: Schedule.State.ENDED,
        }.get(CampaignStatus(status))
        if status in CampaignStatus.values
        else None
    )
    scheduled = Q(schedule__state=state) if state else Q(pk=None)
    of_batch = ~by_schedule & ~reading & Q(batch__status=status)
    return found.filter(~failed & (of_batch | (by_schedule & scheduled)))


def stats_of(campaign: Campaign) -> dict[str, Any]:
    """Messages by present status, skips by reason, and the rows that became no message."""
    return {
        **batch_stats(campaign.batch_id),
        "opted_out": opt_out_rates.of_batches([campaign.batch_id])[campaign.batch_id],
        "merged": campaign.merged,
        "invalid_rows": campaign.invalid_rows,
    }


def recipients(campaign: Campaign, status: MessageStatus | None = None) -> QuerySet[Message]:
    """The campaign's messages, all or those at one status, in the order that an index gives."""
    found = Message.objects.filter(batch=campaign.batch_id)
    if status is None:
        return found.order_by("phone_number")
    if status >= MessageStatus.FAILED:
        return found.filter(stage=status, status=status).order_by("id")
    return found.filter(status=status).order_by("phone_number")


def previews(campaign: Campaign, *, limit: int = 3, offset: int = 0) -> list[dict[str, str]]:
    """The texts of the first people who will get one, in the sheet's order: `{"phone_number", "text", "name"}`."""
    limit = min(limit, MOST_PREVIEWED)
    pending = Message.objects.filter(batch=campaign.batch_id, stage=MessageStatus.PENDING).order_by("due_at", "id")
    shown = list(pending[offset : offset + limit])
    if not shown and not offset:
        shown = list(recipients(campaign).exclude(status=MessageStatus.SKIPPED)[:limit])
    with_texts(campaign, shown)
    return [
        {"phone_number": message.phone_number, "text": message.text, "name": str(message.variables.get("name", ""))}
        for message in shown
    ]


def with_texts(campaign: Campaign, messages: list[Message]) -> list[Message]:
    """Fills in the text of pending messages as it will be; nothing is saved. What is skipped has none."""
    render = rendering.renderer_of(campaign.batch, campaign.organization)
    for message in messages:
        if message.status == MessageStatus.PENDING:
            message.text = render(message).text
    return messages


def in_trouble(campaign: Campaign, limit: int) -> list[Message]:
    """Messages that failed, that nobody knows about, or that were never tried, with their reasons."""
    ended = Message.objects.filter(batch=campaign.batch_id, stage__in=TROUBLE).order_by("stage", "id")
    return list(ended[:limit])
