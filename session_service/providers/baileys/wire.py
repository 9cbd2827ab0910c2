"""Between the product's words and the bridge's lines. `session_service/baileys_bridge/README.md` lists the latter."""

from collections.abc import Iterable
from datetime import UTC, datetime

from contacts import phone_variants
from messaging.events import Changed, Event, Inbound, Receipt, ReceivedMedia
from messaging.models import MessageStatus
from session_service.providers.baileys.bridge import Line
from session_service.providers.base import GroupInfo, GroupMember, NumberInfo, OutgoingMessage

STATUSES = {"delivered": MessageStatus.DELIVERED, "read": MessageStatus.READ}
LATEST = datetime(2100, 1, 1, tzinfo=UTC).timestamp()


def outgoing(message: OutgoingMessage) -> Line:
    return {
        "id": message.whatsapp_id,
        "to": recipient(number=message.to, known=message.wire_number, lid=message.lid, group=message.group),
        "kind": message.kind,
        "text": message.text,
        "content": message.content,
        "media": message.media
        and {
            "path": message.media.path,
            "mime_type": message.media.mime_type,
            "file_name": message.media.file_name,
        },
    }


def recipient(*, number: str = "", known: str = "", lid: str = "", group: str = "") -> Line:
    """`known` is the form under which WhatsApp was seen to know the number; without it the bridge asks, if there are
    several."""
    if group:
        return {"group": group}
    if not number:
        return {"lid": lid}
    forms = phone_variants.others(number)
    return {"number": number, "others": list(forms), "known": known} if forms else {"number": number}


def events(sender_id: int, line: Line) -> list[Event]:
    """What is to be recorded of one event of the bridge. Raises `KeyError` or `ValueError` where it is malformed."""
    at = moment(line["at"])
    match line["event"]:
        case "receipt":
            status = STATUSES[line["status"]]
            return [Receipt(sender_id, whatsapp_id, status, at) for whatsapp_id in line["ids"]]
        case "changed":
            change = Changed(
                sender_id,
                line["id"],
                at,
                text=line["text"],
                deleted=line["deleted"],
                from_me=line["from_me"],
                phone_number=line["from"]["number"],
                lid=line["from"]["lid"],
            )
            return [change]
        case "inbound":
            return [_inbound(sender_id, line, at)]
    raise ValueError(f"unknown event {line['event']}")


def _inbound(sender_id: int, line: Line, at: datetime) -> Inbound:
    media = line.get("media")
    return Inbound(
        sender_id=sender_id,
        phone_number=line["from"]["number"],
        whatsapp_id=line["id"],
        text=line["text"],
        at=at,
        kind=line["kind"],
        content=line["content"],
        lid=line["from"]["lid"],
        name=line["name"],
        group=line["group"],
        media=ReceivedMedia(**media) if media else None,
    )


def moment(seconds: float) -> datetime:
    """A time that WhatsApp states. What is missing or absurd becomes now."""
    current = datetime.now(UTC)
    return datetime.fromtimestamp(seconds, UTC) if 0 < seconds < LATEST else current


def numbers(answer: Iterable[Line]) -> dict[str, NumberInfo]:
    return {
        line["number"]: NumberInfo(
            exists=line["exists"], lid=line["lid"], wire_number=line["known"] if line["others"] else ""
        )
        for line in answer
    }


def group(answer: Line) -> GroupInfo:
    members = tuple(
        GroupMember(
            phone_number=phone_variants.canonical(line["number"]),
            lid=line["lid"],
            name=line["name"],
            is_admin=line["is_admin"],
        )
        for line in answer["members"]
    )
    return GroupInfo(whatsapp_id=answer["id"], subject=answer["subject"], members=members)


def files(recorded: Iterable[Event]) -> list[str]:
    """The temporary files that came with events."""
    return [event.media.path for event in recorded if isinstance(event, Inbound) and event.media and event.media.path]
