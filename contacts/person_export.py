"""One person's data as a zip file, made while it is sent: `data.json` for programs, `person.html` to read, and the files
of their messages. Nothing of it is stored here."""

import json
import zipfile
from collections.abc import Iterator
from io import RawIOBase
from typing import Any

from django.core.files.storage import default_storage
from django.core.serializers.json import DjangoJSONEncoder
from django.http import StreamingHttpResponse
from django.utils.html import escape
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.models import Organization
from accounts.services import Actor, record
from contacts.person import Person, Table, parts

CHUNK_BYTES = 64 * 1024
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%;margin:.5rem 0 1.5rem}"
    "th,td{border:1px solid #ccc;padding:.3rem .5rem;text-align:left;vertical-align:top;overflow-wrap:anywhere}"
    "th{width:14rem;background:#f6f6f6;font-weight:600}"
)


def response(*, organization: Organization, person: Person, by: Actor = None) -> StreamingHttpResponse:
    """The zip as an answer; notes in the audit log that somebody asked for it, without saying about whom."""
    record(organization=organization, by=by, action="contacts.person_exported", contacts=len(person.contact_ids))
    answer = StreamingHttpResponse(chunks(organization, person), content_type="application/zip")
    answer["Content-Disposition"] = f'attachment; filename="person-{now():%Y%m%d-%H%M%S}.zip"'
    answer["Cache-Control"] = "no-store"
    return answer


def chunks(organization: Organization, person: Person) -> Iterator[bytes]:
    """The bytes of the zip, a portion at a time; nothing is held in memory but the present portion."""
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (
            ("data.json", _json(organization, person)),
            ("person.html", _page(organization, person)),
        ):
            yield from _entry(archive, pipe, name, content)
        for file_name, content in _files(person):
            yield from _entry(archive, pipe, f"files/{file_name}", content)
    yield pipe.taken()


def is_known(person: Person) -> bool:
    """Whether anything is kept about the person."""
    return any(row is not None for table in _tables(person) for row in [next(iter(table.rows), None)])


class _Pipe(RawIOBase):
    """A file that cannot seek: what was written is taken out at the other end."""

    def __init__(self) -> None:
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._written += data
        return len(data)

    def taken(self) -> bytes:
        taken, self._written = bytes(self._written), bytearray()
        return taken


def _entry(archive: zipfile.ZipFile, pipe: _Pipe, name: str, content: Iterator[bytes]) -> Iterator[bytes]:
    with archive.open(name, "w", force_zip64=True) as entry:
        for chunk in content:
            entry.write(chunk)
            yield pipe.taken()
    yield pipe.taken()


def _tables(person: Person) -> Iterator[Table]:
    for part in parts():
        yield from part.tables(person)


def _files(person: Person) -> Iterator[tuple[str, Iterator[bytes]]]:
    for part in parts():
        for file in part.files(person):
            if default_storage.exists(file.stored_as):
                yield file.file_name, _content(file.stored_as)


def _content(name: str) -> Iterator[bytes]:
    with default_storage.open(name, "rb") as stored:
        yield from stored.chunks(CHUNK_BYTES)


def _json(organization: Organization, person: Person) -> Iterator[bytes]:
    """`{"organization", "exported_at", "phone_numbers", "lids", "tables": {name: [rows]}}`, a row a line."""
    head = {
        "organization": organization.name,
        "exported_at": now(),
        "phone_numbers": sorted(person.phone_numbers),
        "lids": sorted(person.lids),
    }
    yield (_encoded(head)[:-1] + ', "tables": {').encode()
    for number, table in enumerate(_tables(person)):
        yield f"{',' if number else ''}\n{json.dumps(table.name)}: [".encode()
        for row_number, row in enumerate(table.rows):
            yield f"{',' if row_number else ''}\n{_encoded(row)}".encode()
        yield b"]"
    yield b"}}\n"


def _encoded(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)


def _page(organization: Organization, person: Person) -> Iterator[bytes]:
    title = _("What %(organization)s keeps about %(person)s") % {
        "organization": organization.name,
        "person": ", ".join(sorted(person.names) or sorted(person.phone_numbers) or sorted(person.lids)),
    }
    yield f"<!doctype html><meta charset=utf-8><title>{escape(title)}</title><style>{STYLE}</style>".encode()
    yield f"<h1>{escape(title)}</h1><p>{now():%Y-%m-%d %H:%M} UTC</p>".encode()
    for table in _tables(person):
        is_empty = True
        for row in table.rows:
            if is_empty:
                yield f"<h2>{escape(table.title)}</h2>".encode()
                is_empty = False
            yield _rows(row).encode()


def _rows(row: dict[str, Any]) -> str:
    told = "".join(
        f"<tr><th>{escape(name.replace('__', ' ').replace('_', ' '))}</th><td>{escape(_shown(value))}</td></tr>"
        for name, value in row.items()
        if value not in (None, "", {}, []) and not name.endswith("organization_id")
    )
    return f"<table>{told}</table>"


def _shown(value: Any) -> str:
    return _encoded(value).strip('"') if isinstance(value, dict | list) or hasattr(value, "isoformat") else str(value)
