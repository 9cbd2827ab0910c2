"""Segments over a million contacts: counting them, and freezing one into a campaign's audience.

Beside it the plain design: a row a value (contact, key, value) with an index, joined once a condition as the ORM does it,
and an audience written by `bulk_create` in batches of 1,000.
"""

import statistics
import time
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from django.utils.timezone import now

from accounts.models import Organization
from bench.results import emit
from campaigns import audience, audience_count
from campaigns.models import Campaign
from contacts.models import AttributeDefinition, ContactList, Segment
from contacts.segments import services
from messaging.models import Batch, Message, MessageStatus

PEOPLE = 1_000_000
ROUNDS = 5
PEER_FREEZES = 50_000
EVERYBODY = {"field": "phone_number", "operator": "contains", "value": "+"}

_CONTACTS = """
INSERT INTO contacts_contact (organization_id, phone_number, name, attributes, tags, created_at, updated_at)
SELECT %(organization)s, '+62812' || lpad(i::text, 7, '0'), 'Person ' || i, jsonb_build_object(
        'city', (ARRAY['Bandung','Jakarta','Surabaya','Medan','Semarang','Makassar','Palembang','Depok','Bekasi','Malang'])
            [1 + i %% 10],
        'invoice', 'INV-' || i, 'amount', (hashint4(i) & 1048575)::text,
        'born', (date '1960-01-01' + (hashint4(i) & 16383))::text,
        'member', CASE WHEN i %% 3 = 0 THEN 'yes' ELSE 'no' END, 'plan', 'plan ' || i %% 7),
    CASE WHEN i %% 20 = 0 THEN ARRAY['vip'] WHEN i %% 4 = 0 THEN ARRAY['new', 'shop'] ELSE '{}' END,
    now() - i * interval '30 seconds', now()
FROM generate_series(1, %(people)s) AS i
"""
# Each third person was sent one message in the last 60 days, some read it; each twentieth wrote.
_MESSAGES = """
INSERT INTO messaging_message (organization_id, direction, phone_number, status, skip_reason, error_code, error,
    variables, text, priority, whatsapp_id, attempts, lease_epoch, keeps_id, created_at, sent_at)
SELECT %(organization)s, 'out', '+62812' || lpad((i * 3)::text, 7, '0'), CASE WHEN i %% 5 < 2 THEN 60 ELSE 50 END, '', '', '',
    '{}'::jsonb, 'Hello ' || i, 5, 'sent' || i, 1, 1, TRUE, moment, moment
FROM generate_series(1, %(people)s / 3) AS i, LATERAL (SELECT now() - interval '60 days' * i / (%(people)s / 3)) AS m (moment)
UNION ALL
SELECT %(organization)s, 'in', '+62812' || lpad((i * 20)::text, 7, '0'), 110, '', '', '', '{}'::jsonb, 'Hi ' || i, 5, 'in' || i, 0, 0,
    TRUE, moment, NULL
FROM generate_series(1, %(people)s / 20) AS i, LATERAL (SELECT now() - interval '60 days' * i / (%(people)s / 20)) AS m (moment)
"""
_PLAIN = (
    "CREATE TABLE plain_value (contact_id bigint NOT NULL, key text NOT NULL, value text NOT NULL)",
    "INSERT INTO plain_value SELECT id, key, value FROM contacts_contact, jsonb_each_text(attributes)",
    "CREATE INDEX ON plain_value (contact_id, key)",
    "CREATE INDEX ON plain_value (key, value)",
    "ANALYZE plain_value",
)
_PLAIN_JOIN = " JOIN plain_value AS v{0} ON v{0}.contact_id = contact.id AND v{0}.key = '{1}' AND {2}"


def leaf(field: str, operator: str, value: Any = None) -> dict[str, Any]:
    return {"field": field, "operator": operator, **({} if value is None else {"value": value})}


def run(*, quick: bool) -> None:
    people = 20_000 if quick else PEOPLE
    organization = _fill(people)
    on_list = leaf("list", "is", ContactList.objects.get().pk)
    bandung, rich = leaf("attribute.city", "is", "Bandung"), leaf("attribute.amount", "more", 500_000)
    asked: dict[str, dict[str, Any]] = {
        "a city": bandung,
        "a city and an amount": {"all": [bandung, rich]},
        "a tag": leaf("tags", "has", ["vip"]),
        "a list": on_list,
        "a birthday before, and no member": {
            "all": [leaf("attribute.born", "before", "1990-01-01"), leaf("attribute.member", "is", "no")]
        },
        "any of list, city, amount": {"any": [on_list, bandung, rich]},
        "a city, and wrote in 30 days": {"all": [bandung, leaf("wrote", "last_days", 30)]},
        "opened in 30 days": leaf("opened", "last_days", 30),
        "a city, and did not open in 30 days": {"all": [bandung, leaf("opened", "not_last_days", 30)]},
        "never messaged": leaf("sent", "never"),
    }
    plain = {
        "a city": _PLAIN_JOIN.format(0, "city", "lower(v0.value) = 'bandung'"),
        "a city and an amount": _PLAIN_JOIN.format(0, "city", "lower(v0.value) = 'bandung'")
        + _PLAIN_JOIN.format(1, "amount", "v1.value::numeric > 500000"),
    }
    for name, conditions in asked.items():
        found = services.find(organization, conditions).people
        ours = _median(lambda conditions=conditions: services.find(organization, conditions))  # type: ignore[misc]
        subject = f"{people} contacts: count of {name}"
        if name not in plain:
            emit("segments", subject, ours, "ms", people=found)
            continue
        count = f"SELECT count(*) FROM contacts_contact AS contact{plain[name]}"
        assert _counted(count) == found
        theirs = _median(lambda count=count: _counted(count))  # type: ignore[misc]
        emit("segments", f"{subject}, plain", theirs, "ms")
        emit("segments", subject, ours, "ms", ratio_to=f"{subject}, plain", base=theirs, people=found)
    _freeze(organization, rich, people)


def _fill(people: int) -> Organization:
    organization = Organization.objects.create(name="Segments", slug="segments", timezone="Asia/Jakarta")
    for key, kind in {"city": "text", "amount": "number", "born": "date", "member": "yes_no"}.items():
        AttributeDefinition.objects.create(organization=organization, key=key, kind=kind)
    contact_list = ContactList.objects.create(organization=organization, name="Each third")
    with connection.cursor() as cursor:
        for statement in (_CONTACTS, _MESSAGES):
            cursor.execute(statement, {"organization": organization.pk, "people": people})
        cursor.execute(
            "INSERT INTO contacts_contactlistmember (contact_list_id, contact_id)"
            " SELECT %s, id FROM contacts_contact WHERE id %% 3 = 0",
            [contact_list.pk],
        )
        for statement in _PLAIN:
            cursor.execute(statement)
        for table in ("contacts_contact", "contacts_contactlistmember", "messaging_message"):
            cursor.execute(f"VACUUM ANALYZE {table}")
    return organization


def _freeze(organization: Organization, conditions: dict[str, Any], people: int) -> None:
    segment = Segment.objects.create(organization=organization, name="Rich", filter=conditions)
    campaign = _campaign(organization, segment)
    counted = audience_count.count(campaign)
    to_all = _campaign(organization, Segment.objects.create(organization=organization, name="All", filter=EVERYBODY))
    for name, each in (("the rich", campaign), ("everybody", to_all)):
        people_of_it = audience_count.count(each).people
        taken = _median(lambda each=each: audience_count.count(each))  # type: ignore[misc]
        emit("segments", f"{people} contacts: live count of a draft to {name}", taken, "ms", people=people_of_it)
    begun = time.perf_counter()
    with transaction.atomic():
        frozen = sum(audience.insert_messages(campaign, ["name"], at=now()).numbers.values())
    assert frozen == counted.people  # what the wizard said
    ours = frozen / (time.perf_counter() - begun)
    peer = _campaign(organization, segment)
    begun = time.perf_counter()
    written = _freeze_plainly(organization, peer, min(PEER_FREEZES, people // 4))
    theirs = written / (time.perf_counter() - begun)
    emit("segments", "freezing, bulk_create by 1,000", theirs, "people/s", people=written)
    emit(
        "segments", "freezing", ours, "people/s", ratio_to="freezing, bulk_create by 1,000", base=theirs, people=frozen
    )


def _campaign(organization: Organization, segment: Segment) -> Campaign:
    batch = Batch.objects.create(organization=organization, text="Hi {{name}}")
    return Campaign.objects.create(organization=organization, name="Bench", batch=batch, segment=segment)


def _freeze_plainly(organization: Organization, campaign: Campaign, most: int) -> int:
    chosen = organization.contacts.filter(attributes__amount__gt="5").order_by("pk")[:most]
    messages: list[Message] = []
    written = 0
    with transaction.atomic():
        for contact in chosen.iterator(chunk_size=1_000):
            variables = {**contact.attributes, "name": contact.name, "phone": contact.phone_number}
            messages.append(
                Message(
                    organization=organization,
                    batch=campaign.batch,
                    phone_number=contact.phone_number,
                    status=MessageStatus.PENDING,
                    variables=variables,
                )
            )
            if len(messages) == 1_000:
                written += len(Message.objects.bulk_create(messages))
                messages.clear()
        written += len(Message.objects.bulk_create(messages))
    return written


def _median(measured: Callable[[], object]) -> float:
    """Milliseconds, of several rounds."""
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        measured()
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)


def _counted(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return int(cursor.fetchone()[0])
