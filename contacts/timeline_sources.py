"""What contacts themselves know of a person: events, and the imports that named them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.models import ContactEvent, ImportChange
from contacts.timeline import Entry, Position, Source, Whose

TEMPLATE = "contacts/timeline/event.html"

Kind = ContactEvent.Kind


class Mark(NamedTuple):
    icon: str


MARKS = {
    Kind.CREATED: Mark(icon="user-plus"),
    Kind.EDITED: Mark(icon="pencil"),
    Kind.LIST_ADDED: Mark(icon="list-check"),
    Kind.LIST_REMOVED: Mark(icon="list-details"),
    Kind.TAGS_ADDED: Mark(icon="tag"),
    Kind.TAGS_REMOVED: Mark(icon="tag-off"),
    Kind.IMPORTED: Mark(icon="file-import"),
    Kind.MERGED: Mark(icon="arrows-join"),
    Kind.UNMERGED: Mark(icon="arrows-split"),
    Kind.BLOCKED: Mark(icon="ban"),
    Kind.UNBLOCKED: Mark(icon="shield-check"),
    Kind.OPTED_OUT: Mark(icon="hand-stop"),
    Kind.OPTED_IN: Mark(icon="message-reply"),
    Kind.CONSENT_GIVEN: Mark(icon="circle-check"),
    Kind.CONSENT_WITHDRAWN: Mark(icon="circle-x"),
}


@dataclass(frozen=True)
class Told:
    """How people read an event: one sentence, and what it was in lines of (name, before, after)."""

    icon: str
    title: str
    by: str = ""
    changes: list[tuple[str, str, str]] = field(default_factory=list)
    quote: str = ""
    merge_id: int | None = None


def tell(event: ContactEvent) -> Told:
    kind, detail = Kind(event.kind), event.detail
    return Told(
        icon=MARKS[kind].icon,
        title=_title(kind, detail),
        by=event.source,
        changes=_changes(detail.get("changes", {})),
        quote=str(detail.get("text", "")),
        merge_id=detail.get("merge"),
    )


def _title(kind: Kind, detail: dict[str, Any]) -> str:
    if kind in (Kind.LIST_ADDED, Kind.LIST_REMOVED):
        text = _("Put on the list “%(list)s”") if kind == Kind.LIST_ADDED else _("Taken off the list “%(list)s”")
        return text % {"list": detail.get("name", "")}
    if kind in (Kind.TAGS_ADDED, Kind.TAGS_REMOVED):
        names = detail.get("tags", [])
        if kind == Kind.TAGS_ADDED:
            text = ngettext("Tagged %(tags)s", "Tagged %(tags)s", len(names))
        else:
            text = ngettext("Tag %(tags)s removed", "Tags %(tags)s removed", len(names))
        return text % {"tags": ", ".join(names)}
    if kind == Kind.MERGED:
        other = detail.get("name") or detail.get("phone_number") or _("somebody without a number")
        return _("Merged with %(person)s") % {"person": other}
    return str(kind.label)


def _changes(changes: dict[str, Any]) -> list[tuple[str, str, str]]:
    """In the order in which people look: name and number before attributes."""
    labels = {"name": _("Name"), "phone_number": _("Phone number"), "other_number": _("Other number")}
    ordered = sorted(changes.items(), key=lambda change: (change[0].startswith("attributes."), change[0]))
    return [
        (labels.get(key, key.removeprefix("attributes.")), _shown(values["from"]), _shown(values["to"]))
        for key, values in ordered
    ]


def _shown(value: Any) -> str:
    return "" if value is None else str(value)


def _behind(rows: QuerySet[Any], field_name: str, position: Position | None) -> QuerySet[Any]:
    if position is None:
        return rows
    same = Q(**{field_name: position.at, "pk__lt": position.id})
    return rows.filter(Q(**{f"{field_name}__lt": position.at}) | same)


def _events(whose: Whose, position: Position | None, most: int) -> Sequence[Entry]:
    rows = _behind(ContactEvent.objects.filter(contact=whose.contact), "at", position)
    return [
        Entry(
            at=event.at,
            id=event.pk,
            template=TEMPLATE,
            value=tell(event),
            data={"event": event.kind, "source": event.source, "detail": event.detail},
        )
        for event in rows.order_by("-at", "-pk")[:most]
    ]


def _imports(whose: Whose, position: Position | None, most: int) -> Sequence[Entry]:
    rows = ImportChange.objects.filter(contact=whose.contact, list_import__finished_at__isnull=False)
    rows = _behind(rows.select_related("list_import"), "list_import__finished_at", position)
    return [_import(change) for change in rows.order_by("-list_import__finished_at", "-pk")[:most]]


def _import(change: ImportChange) -> Entry:
    words = {
        ImportChange.Kind.CREATED: _("Came with the sheet “%(file)s”"),
        ImportChange.Kind.UPDATED: _("Changed by the sheet “%(file)s”"),
        ImportChange.Kind.UNCHANGED: _("Named in the sheet “%(file)s”, which changed nothing"),
    }
    before, after = change.before or {}, change.after or {}
    changes = {
        **({"name": {"from": before.get("name"), "to": after["name"]}} if "name" in after else {}),
        **{
            key: {"from": (before.get("attributes") or {}).get(key), "to": value}
            for key, value in (after.get("attributes") or {}).items()
        },
    }
    list_import = change.list_import
    finished_at = list_import.finished_at
    assert finished_at is not None  # noqa: S101  # the query asks for it
    return Entry(
        at=finished_at,
        id=change.pk,
        template=TEMPLATE,
        value=Told(
            icon="file-import",
            title=words[ImportChange.Kind(change.kind)] % {"file": list_import.file_name},
            changes=_changes(changes if change.kind == ImportChange.Kind.UPDATED else {}),
        ),
        data={"import": list_import.pk, "file_name": list_import.file_name, "change": change.kind},
    )


EVENTS = Source("event", 2, "contacts.view", _events)
IMPORTS = Source("import", 3, "contacts.view", _imports)
