"""A slow model of segments, in plain Python, over people as tests write them down."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from accounts.models import Organization
from campaigns.models import Campaign
from contacts.models import BlocklistEntry, Contact, ContactList, ContactListMember, OtherNumber
from messaging.models import Batch, Message, MessageStatus
from senders.models import Sender

SENT, DELIVERED, READ = MessageStatus.SENT, MessageStatus.DELIVERED, MessageStatus.READ


@dataclass(frozen=True)
class Told:
    """A message to or from a person: `campaign` is an index or None, `days_ago` when it was written or sent."""

    status: MessageStatus
    days_ago: int
    campaign: int | None = None
    is_from_other_number: bool = False


@dataclass(frozen=True)
class Person:
    name: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    tags: tuple[str, ...] = ()
    lists: tuple[int, ...] = ()
    added_days_ago: int = 0
    blocked: str = ""
    country: str = "62"
    told: tuple[Told, ...] = ()


@dataclass
class World:
    """The rows that people become, and the names by which filters call lists and campaigns."""

    organization: Organization
    at: datetime
    lists: list[ContactList]
    campaigns: list[Campaign]
    sender: Sender

    @classmethod
    def make(cls, organization: Organization, sender: Sender, at: datetime) -> "World":
        lists = [ContactList.objects.create(organization=organization, name=f"List {index}") for index in range(2)]
        campaigns = []
        for index in range(2):
            batch = Batch.objects.create(organization=organization, text="Hi")
            campaigns.append(Campaign.objects.create(organization=organization, name=f"C{index}", batch=batch))
        return cls(organization, at, lists, campaigns, sender)

    def store(self, people: list[Person]) -> list[int]:
        """Writes the people, all at once; gives their ids in order."""
        made = Contact.objects.bulk_create(
            Contact(
                organization=self.organization,
                phone_number=number_of(person, index),
                name=person.name,
                attributes=person.attributes,
                tags=list(person.tags),
                created_at=self.at - timedelta(days=person.added_days_ago, hours=1),
            )
            for index, person in enumerate(people)
        )
        ContactListMember.objects.bulk_create(
            ContactListMember(contact=made[index], contact_list=self.lists[each])
            for index, person in enumerate(people)
            for each in person.lists
        )
        BlocklistEntry.objects.bulk_create(
            BlocklistEntry(
                organization=self.organization, phone_number=number_of(person, index), reason=person.blocked
            )
            for index, person in enumerate(people)
            if person.blocked
        )
        OtherNumber.objects.bulk_create(
            OtherNumber(organization=self.organization, contact=made[index], phone_number=other_number_of(index))
            for index in range(len(people))
        )
        Message.objects.bulk_create(
            self._message(told, person, index) for index, person in enumerate(people) for told in _sendable(person)
        )
        return [contact.pk for contact in made]

    def _message(self, told: Told, person: Person, index: int) -> Message:
        number = other_number_of(index) if told.is_from_other_number else number_of(person, index)
        moment = self.at - timedelta(days=told.days_ago, hours=1)
        is_from_person = told.status == MessageStatus.RECEIVED
        return Message(
            organization=self.organization,
            sender=self.sender,
            direction="in" if is_from_person else "out",
            phone_number=number,
            status=told.status,
            whatsapp_id=f"{index}-{id(told)}" if is_from_person else "",
            batch=None if told.campaign is None or is_from_person else self.campaigns[told.campaign].batch,
            created_at=moment,
            sent_at=moment if SENT <= told.status <= READ else None,
        )


def number_of(person: Person, index: int) -> str:
    return f"+{person.country}81200{index:04}"


def other_number_of(index: int) -> str:
    return f"+62899{index:06}"


def _sendable(person: Person) -> list[Told]:
    """Without a second message of one campaign to one number, which cannot be."""
    seen = set()
    kept = []
    for told in person.told:
        key = (told.campaign, told.is_from_other_number)
        is_again = told.status != MessageStatus.RECEIVED and told.campaign is not None and key in seen
        if not is_again:
            kept.append(told)
        if told.status != MessageStatus.RECEIVED:
            seen.add(key)
    return kept


def fits(written: dict[str, Any], person: Person, index: int, world: World) -> bool:
    """Whether the filter, as it is stored, is true of the person."""
    if "all" in written:
        return all(fits(part, person, index, world) for part in written["all"])
    if "any" in written:
        return any(fits(part, person, index, world) for part in written["any"])
    if "not" in written:
        return not fits(written["not"], person, index, world)
    name, operator, value = written["field"], written["operator"], written.get("value")
    today = world.at.astimezone(ZoneInfo(world.organization.timezone)).date()
    if name.startswith("attribute."):
        text = person.attributes.get(name.removeprefix("attribute."))
        return _attribute(name.removeprefix("attribute."), text, operator, value, today)
    return _OTHERS[name](person, operator, value, world)


def _attribute(key: str, text: str | None, operator: str, value: Any, today: date) -> bool:
    if operator in ("set", "not_set"):
        return bool(text and text.strip(" ")) == (operator == "set")
    match key:
        case "city":
            return _text(text, operator, value)
        case "amount":
            return _number(text, operator, value)
        case "born":
            return _date(text, operator, value, today)
    return text == value


def _text(text: str | None, operator: str, value: Any) -> bool:
    known = None if text is None else text.strip(" ").lower()
    positive = {"is_not": "is", "not_contains": "contains"}.get(operator, operator)
    wanted = [each.strip().lower() for each in (value if isinstance(value, list) else [value])]
    tests: dict[str, Callable[[str], bool]] = {
        "is": lambda text: text == wanted[0],
        "one_of": lambda text: text in wanted,
        "contains": lambda text: wanted[0] in text,
        "starts_with": lambda text: text.startswith(wanted[0]),
    }
    return (known is not None and tests[positive](known)) == (positive == operator)


def _number(text: str | None, operator: str, value: Any) -> bool:
    is_number = text is not None and re.fullmatch(r"-?[0-9]+(\.[0-9]+)?", text) and len(text) <= 60
    if not is_number or text is None:
        return operator == "is_not"
    number = Decimal(text)
    if operator == "between":
        low, high = sorted(map(Decimal, value))
        return low <= number <= high
    wanted = Decimal(value)
    return {
        "is": number == wanted,
        "is_not": number != wanted,
        "less": number < wanted,
        "at_most": number <= wanted,
        "more": number > wanted,
        "at_least": number >= wanted,
    }[operator]


def _date(text: str | None, operator: str, value: Any, today: date) -> bool:
    if text is None or not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text):
        return False
    if operator == "anniversary":
        is_eve = today.strftime("%m-%d") == "02-28" and (today + timedelta(days=1)).month == 3
        return text[5:] == today.strftime("%m-%d") or (is_eve and text[5:] == "02-29")
    if operator == "between":
        return min(value) <= text <= max(value)
    if operator in ("last_days", "next_days"):
        other = (today + timedelta(days=value if operator == "next_days" else -value)).isoformat()
        return min(today.isoformat(), other) <= text <= max(today.isoformat(), other)
    return {"is": text == value, "before": text < value, "after": text > value}[operator]


def _added(person: Person, operator: str, value: Any, world: World) -> bool:
    moment = world.at - timedelta(days=person.added_days_ago, hours=1)
    if operator == "last_days":
        return moment >= world.at - timedelta(days=value)
    day = moment.astimezone(ZoneInfo(world.organization.timezone)).date().isoformat()
    return day < value if operator == "before" else day > value


def _on_list(person: Person, operator: str, value: Any, world: World) -> bool:
    return any(str(world.lists[each].pk) == str(value) for each in person.lists) == (operator == "is")


def _tagged(person: Person, operator: str, value: Any, world: World) -> bool:
    return bool(set(person.tags) & set(value)) == (operator == "has")


def _happened(lowest: int, highest: int) -> Callable[..., bool]:
    def test(person: Person, operator: str, value: Any, world: World) -> bool:
        days = value if operator in ("last_days", "not_last_days") else 10_000
        found = any(lowest <= told.status <= highest and told.days_ago < days for told in _sendable(person))
        return found == (operator in ("last_days", "ever"))

    return test


def _of_campaign(lowest: int) -> Callable[..., bool]:
    def test(person: Person, operator: str, value: Any, world: World) -> bool:
        ids = [str(campaign.pk) for campaign in world.campaigns]
        found = any(
            told.campaign is not None and ids[told.campaign] == str(value) and lowest <= told.status <= READ
            for told in _sendable(person)
        )
        return found == (operator == "is")

    return test


_OTHERS: dict[str, Callable[..., bool]] = {
    "name": lambda person, operator, value, world: (
        bool(person.name.strip(" ")) == (operator == "set")
        if operator in ("set", "not_set")
        else _text(person.name, operator, value)
    ),
    "country": lambda person, operator, value, world: (person.country == value) == (operator == "is"),
    "tags": _tagged,
    "list": _on_list,
    "created": _added,
    "blocked": lambda person, operator, value, world: bool(person.blocked) == (operator == "is"),
    "opted_out": lambda person, operator, value, world: (person.blocked == "opted_out") == (operator == "is"),
    "wrote": _happened(MessageStatus.RECEIVED, MessageStatus.RECEIVED),
    "sent": _happened(SENT, READ),
    "delivered": _happened(DELIVERED, READ),
    "opened": _happened(READ, READ),
    "campaign_sent": _of_campaign(SENT),
    "campaign_delivered": _of_campaign(DELIVERED),
    "campaign_opened": _of_campaign(READ),
}
