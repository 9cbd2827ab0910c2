"""The people of a campaign as a file: what became of each one's message, and what they did."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from django.http import HttpResponseBase
from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from accounts.services import Actor, record
from campaigns import people
from campaigns.models import Campaign
from campaigns.people import PeopleFilter
from contacts import streamed_files
from messaging.models import BatchOptOut, BatchReply, Click, Message, Variant
from messaging.queries import batch_stats
from messaging.services import NotAllowed
from senders.models import Sender

AT_A_TIME = 2_000  # people that are held in memory
FIELDS = (
    *("pk", "phone_number", "variables", "status", "skip_reason", "error_code", "error", "sender_id", "variant_id"),
    *("sent_at", "delivered_at", "read_at"),
)


def respond(*, campaign: Campaign, wanted: PeopleFilter, file_type: str, by: Actor = None) -> HttpResponseBase:
    """The file as a download. Raises `NotAllowed` where a workbook could not hold all."""
    most = streamed_files.MOST_ROWS_OF_A_WORKBOOK
    if file_type == streamed_files.XLSX and batch_stats(campaign.batch_id)["total"] > most:
        raise NotAllowed(
            _("These are more rows than a workbook can hold (%(most)s). Export them as csv.") % {"most": f"{most:,}"}
        )
    record(
        organization=campaign.organization,
        by=by,
        action="campaign.people_exported",
        target=f"{campaign} ({file_type})",
    )
    name = f"{campaign} {localdate():%Y-%m-%d}"
    return streamed_files.respond(rows(campaign, wanted), file_type=file_type, name=name)


def rows(campaign: Campaign, wanted: PeopleFilter) -> Iterator[Sequence[str]]:
    """The header, then a row a person. Read by portions: nothing stays open between them."""
    yield (
        *(_("Phone number"), _("Name"), _("Status"), _("Reason"), _("Code"), _("Sender"), _("Variant")),
        *(_("Sent"), _("Delivered"), _("Read"), _("Replied"), _("Clicked"), _("Opted out")),
    )
    zone = ZoneInfo(campaign.organization.timezone)
    senders = dict(Sender.objects.for_organization(campaign.organization).values_list("pk", "name"))
    variants = dict(Variant.objects.filter(batch=campaign.batch_id).values_list("pk", "name"))
    found = people.found(campaign, wanted).only(*FIELDS)
    portion = list(found[:AT_A_TIME])
    while portion:
        ids = [message.pk for message in portion]
        replied = dict(BatchReply.objects.filter(message__in=ids).values_list("message_id", "replied_at"))
        clicks = Click.objects.filter(message__in=ids, is_bot=False).order_by("-first_at")
        clicked = dict(clicks.values_list("message_id", "first_at"))  # the first of several links
        left = set(BatchOptOut.objects.filter(message__in=ids).values_list("message_id", flat=True))
        for message in portion:
            yield (
                message.phone_number,
                str(message.variables.get("name", "")),
                message.get_status_display(),
                _reason(message),
                message.error_code,
                senders.get(message.sender_id or 0, ""),
                variants.get(message.variant_id or 0, ""),
                _moment(message.sent_at, zone),
                _moment(message.delivered_at, zone),
                _moment(message.read_at, zone),
                _moment(replied.get(message.pk), zone),
                _moment(clicked.get(message.pk), zone),
                _("yes") if message.pk in left else "",
            )
        portion = list(people.after(found, wanted, portion[-1].pk)[:AT_A_TIME])


def _reason(message: Message) -> str:
    return str(message.get_skip_reason_display()) if message.skip_reason else message.error


def _moment(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}" if moment is not None else ""
