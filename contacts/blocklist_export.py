"""The blocklist as a csv file, piece by piece."""

import csv
import io
from collections.abc import AsyncIterator

from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from accounts.models import Organization
from contacts import queries
from contacts.exports import FORMULA_BEGINS
from contacts.models import BlocklistEntry

AT_A_TIME = 2_000


async def csv_pieces(organization: Organization, *, search: str = "", reason: str = "") -> AsyncIterator[bytes]:
    """A row an entry, newest first. What spreadsheets would take for a formula stands behind an apostrophe, except
    phone numbers, which begin with a plus and hold nothing but digits."""
    headers = (
        _("phone number"),
        "LID",
        _("reason"),
        _("way"),
        _("source"),
        _("since"),
        _("their message"),
        _("written"),
    )
    yield b"\xef\xbb\xbf" + _line(*headers)
    found = queries.blocklist(organization, search=search, reason=reason)
    rows: list[bytes] = []
    async for entry in found.aiterator(AT_A_TIME):
        rows.append(_row(entry))
        if len(rows) >= AT_A_TIME:
            yield b"".join(rows)
            rows = []
    yield b"".join(rows)


def _row(entry: BlocklistEntry) -> bytes:
    return _line(
        entry.phone_number or "",
        entry.lid,
        entry.reason,
        entry.asked_by,
        _safe(entry.source),
        localtime(entry.created_at).isoformat(timespec="seconds"),
        _safe(entry.evidence_text),
        localtime(entry.evidence_at).isoformat(timespec="seconds") if entry.evidence_at else "",
    )


def _safe(text: str) -> str:
    return f"'{text}" if text.startswith(FORMULA_BEGINS) else text


def _line(*cells: str) -> bytes:
    written = io.StringIO()
    csv.writer(written).writerow(cells)
    return written.getvalue().encode()
