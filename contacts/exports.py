"""People as a csv or xlsx file, piece by piece: a million take no more memory than a few thousand."""

import csv
import io
import tempfile
from collections.abc import AsyncIterator, Iterator
from typing import IO, Any
from zoneinfo import ZoneInfo

from asgiref.sync import sync_to_async
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import QuerySet
from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from django.utils.timezone import localdate, localtime
from django.utils.translation import gettext as _
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE

from accounts.models import Organization
from accounts.services import Actor, record
from contacts.models import AttributeDefinition, BlocklistEntry, Consent, Contact, ContactListMember
from contacts.services import NotAllowed

CSV, XLSX = "csv", "xlsx"
CONTENT_TYPES = {
    CSV: "text/csv; charset=utf-8",
    XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
AT_A_TIME = 2_000  # people that are held in memory
MOST_IN_A_WORKBOOK = 50_000  # more take longer to write than a browser waits for the first byte
MOST_ATTRIBUTES = 500
LONGEST_CELL = 32_767  # Excel's
PIECE_BYTES = 256 * 1024
FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r")  # what spreadsheets take for a formula when they open a csv


def respond(
    *, organization: Organization, contacts: QuerySet[Contact], file_type: str, by: Actor = None
) -> HttpResponseBase:
    """The file as a download, with a row a contact, newest first. Raises `NotAllowed` where there are too many for a
    workbook."""
    if file_type == XLSX:
        too_many = contacts.order_by()[: MOST_IN_A_WORKBOOK + 1].count() > MOST_IN_A_WORKBOOK
        if too_many:
            text = _("These are more than %(most)s people. Export them as csv, which has no limit.")
            raise NotAllowed(text % {"most": f"{MOST_IN_A_WORKBOOK:,}"})
    record(organization=organization, by=by, action="contacts.exported", target=file_type)
    pieces = csv_pieces if file_type == CSV else workbook_pieces
    response = StreamingHttpResponse(
        _off_the_loop(pieces(organization, contacts)), content_type=CONTENT_TYPES[file_type]
    )
    name = f"{_('contacts')} {organization.slug} {localdate():%Y-%m-%d}.{file_type}"
    response["Content-Disposition"] = content_disposition_header(True, name) or "attachment"
    response["X-Accel-Buffering"] = "no"
    return response


async def _off_the_loop(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Of an iterator that is not asynchronous, an ASGI server would first read all."""
    while piece := await sync_to_async(lambda: next(pieces, b""))():
        yield piece


def rows(organization: Organization, contacts: QuerySet[Contact]) -> Iterator[list[str]]:
    """The header, then a row a contact, all as text. Read by portions: nothing stays open between them."""
    definitions = AttributeDefinition.objects.for_organization(organization).order_by("key")[:MOST_ATTRIBUTES]
    keys = [(definition.key, definition.label or definition.key) for definition in definitions]
    fixed = [_("Name"), _("Phone number"), _("Lists"), _("Tags"), _("Blocked"), _("Consent"), _("Added")]
    yield [*fixed, *(label for _key, label in keys)]
    zone = ZoneInfo(organization.timezone)
    portion = list(contacts.order_by("-pk")[:AT_A_TIME])
    while portion:
        lists, blocked = _lists_of(portion), _blocked_among(organization, portion)
        agreed = _agreed_among(organization, portion)
        for contact in portion:
            yield [
                contact.name,
                contact.phone_number,
                ", ".join(lists.get(contact.pk, [])),
                ", ".join(contact.tags),
                str(blocked.get(contact.phone_number, "")),
                agreed.get(contact.phone_number, ""),
                f"{localtime(contact.created_at, zone):%Y-%m-%d %H:%M}",
                *(_text(contact.attributes.get(key)) for key, _label in keys),
            ]
        portion = list(contacts.filter(pk__lt=portion[-1].pk).order_by("-pk")[:AT_A_TIME])


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _lists_of(contacts: list[Contact]) -> dict[int, list[str]]:
    members = ContactListMember.objects.filter(contact__in=[contact.pk for contact in contacts])
    named = members.values("contact_id").annotate(names=ArrayAgg("contact_list__name", order_by="contact_list__name"))
    return dict(named.values_list("contact_id", "names"))


def _blocked_among(organization: Organization, contacts: list[Contact]) -> dict[str, str]:
    numbers = [contact.phone_number for contact in contacts if contact.phone_number]
    entries = BlocklistEntry.objects.for_organization(organization).filter(phone_number__in=numbers)
    return {str(entry.phone_number): entry.get_reason_display() for entry in entries}


def _agreed_among(organization: Organization, contacts: list[Contact]) -> dict[str, str]:
    """By number: whether its owner agreed to be messaged, or took that back; who never said either is left out."""
    numbers = [contact.phone_number for contact in contacts if contact.phone_number]
    said = Consent.objects.for_organization(organization).filter(phone_number__in=numbers)
    return {
        number: _("given") if is_given else _("withdrawn")
        for number, is_given in said.values_list("phone_number", "is_given")
    }


# -- csv --


def csv_pieces(organization: Organization, contacts: QuerySet[Contact]) -> Iterator[bytes]:
    """With a byte order mark, without which Excel reads UTF-8 as something else."""
    buffer = io.StringIO("\ufeff", newline="")
    buffer.seek(0, io.SEEK_END)
    writer = csv.writer(buffer)
    for number, row in enumerate(rows(organization, contacts)):
        name, phone_number, *others = row
        writer.writerow([_no_formula(name), phone_number, *(_no_formula(text) for text in others)])
        if number % AT_A_TIME == AT_A_TIME - 1:
            yield buffer.getvalue().encode()
            buffer.seek(0)
            buffer.truncate()
    if rest := buffer.getvalue():
        yield rest.encode()


def _no_formula(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_BEGINS) else text


# -- xlsx --


def workbook_pieces(organization: Organization, contacts: QuerySet[Contact]) -> Iterator[bytes]:
    with tempfile.TemporaryFile() as file:
        _write_workbook(file, rows(organization, contacts))
        file.seek(0)
        while piece := file.read(PIECE_BYTES):
            yield piece


def _write_workbook(file: IO[bytes], lines: Iterator[list[str]]) -> None:
    """All cells are text: what looks like a formula is none, and numbers keep their plus."""
    book = Workbook(write_only=True)
    page: Any = book.create_sheet(_("Contacts")[:31])
    page.freeze_panes = "A2"
    for line in lines:
        page.append([_cell(page, text) for text in line])
    book.save(file)


def _cell(page: Any, text: str) -> Any:
    if not text:
        return None
    cell = WriteOnlyCell(page, value=ILLEGAL_CHARACTERS_RE.sub("", text)[:LONGEST_CELL])
    cell.data_type = "s"
    return cell
