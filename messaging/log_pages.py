"""The page of the message log, and the file of what it shows."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.core.exceptions import ValidationError
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import render
from django.utils.timezone import localdate, now
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from accounts.models import Organization
from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from accounts.services import record
from contacts import streamed_files
from messaging import log, log_figures
from messaging.log import LogFilter
from messaging.models import Message
from senders.models import Sender

A_PAGE = 50
SHOWN_FIGURES = ("sent", "delivered", "read", "failed", "unknown", "received")


def _wanted(request: OrganizationRequest) -> LogFilter:
    """What the address asks for; what makes no sense in it is left out."""
    try:
        return LogFilter.from_query(request.GET, request.organization)
    except ValidationError as error:
        sensible = {name: request.GET[name] for name in request.GET if name not in error.message_dict}
        return LogFilter.from_query(sensible, request.organization)


@never_cache
@requires("messages.view")
@require_GET
def message_log(request: OrganizationRequest, organization: str) -> HttpResponse:
    wanted = _wanted(request)
    before = request.GET.get("before", "")
    found = log.page(
        request.organization,
        wanted,
        before=int(before) if before.isdecimal() and len(before) < 18 else None,
        limit=A_PAGE,
    )
    today = log_figures.figures(request.organization, since=now() - timedelta(days=1), until=now(), by="none").total
    context = {
        "rows": [(message, log.ORIGINS[log.origin_of(message)]) for message in found.messages],
        "found": found,
        "wanted": wanted,
        "has_filter": wanted != LogFilter(),
        "is_first": not before,
        "next": _address(request, found.before),
        "origins": log.ORIGINS,
        "statuses": log.STATUSES,
        "senders": Sender.objects.for_organization(request.organization).order_by("name"),
        "figures": [(name, today[name]) for name in SHOWN_FIGURES],
        "total": today["total"],
        "as_of": now(),
    }
    return render(request, "messaging/log.html", context)


def _address(request: OrganizationRequest, before: int | None) -> str:
    if before is None:
        return ""
    query: QueryDict = request.GET.copy()
    query["before"] = str(before)
    return f"?{query.urlencode()}"


@requires("messages.view")
@require_GET
def export(request: OrganizationRequest, organization: str) -> HttpResponseBase:
    """What the filter finds, as csv, or as xlsx with `type=xlsx`: then as many rows as a workbook holds."""
    wanted = _wanted(request)
    file_type = streamed_files.XLSX if request.GET.get("type") == streamed_files.XLSX else streamed_files.CSV
    record(organization=request.organization, by=request.user, action="messages.exported", target=file_type)
    name = f"{_('Messages')} {localdate():%Y-%m-%d}"
    rows = rows_of(request.organization, wanted, most=streamed_files.MOST_ROWS_OF_A_WORKBOOK - 1)
    if file_type == streamed_files.CSV:
        rows = rows_of(request.organization, wanted, most=None)
    return streamed_files.respond(rows, file_type=file_type, name=name)


def rows_of(organization: Organization, wanted: LogFilter, most: int | None) -> Iterator[Sequence[str]]:
    """The header, then a row a message."""
    yield (
        *(_("Number"), _("Made"), _("Phone number"), _("Origin"), _("Sender"), _("Kind"), _("Text"), _("Status")),
        *(_("Reason"), _("Sent"), _("Delivered"), _("Read")),
    )
    zone = ZoneInfo(organization.timezone)
    for place, message in enumerate(log.every_message(organization, wanted)):
        if place == most:
            return
        yield (
            str(message.pk),
            _moment(message.created_at, zone),
            message.whom,
            str(log.ORIGINS[log.origin_of(message)]),
            str(message.sender or ""),
            str(message.get_kind_display()),
            message.text,
            message.get_status_display(),
            reason_of(message),
            _moment(message.sent_at, zone),
            _moment(message.delivered_at, zone),
            _moment(message.read_at, zone),
        )


def reason_of(message: Message) -> str:
    if message.skip_reason:
        return " ".join(filter(None, [str(message.get_skip_reason_display()), message.error]))
    return message.error or message.error_code


def _moment(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}" if moment is not None else ""
