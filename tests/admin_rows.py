"""A row of everything that the admin shows, for one organization."""

from datetime import time
from itertools import count
from typing import Any

from django.db.models import Model
from django.utils.timezone import now
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)

from accounts import services
from accounts.models import Organization, Role, User
from broadcasts.models import Broadcast, BroadcastList, BroadcastMember, BulkSend, Reminder, ReminderRun
from campaigns.history import note
from campaigns.models import Campaign, CampaignReport, Occurrence, Rehearsal, Schedule
from contacts.models import (
    AttributeDefinition,
    BlocklistEntry,
    Consent,
    ConsentChange,
    Contact,
    ContactEvent,
    ContactList,
    ContactListMember,
    ContactMerge,
    ContactSettings,
    ErasedNumber,
    Erasure,
    ImportChange,
    ImportedRow,
    ListImport,
    OptOutEvent,
    OtherNumber,
    Segment,
)
from messaging import templates
from messaging.models import (
    Batch,
    BatchOptOut,
    BatchReply,
    BatchStatus,
    Click,
    Experiment,
    Group,
    LibraryFile,
    Link,
    Media,
    Message,
    MessageStatus,
    Variant,
    Wave,
)
from senders.models import NumberCheck, SenderUsage
from session_service.models import AuthCredentials
from tests.factories import make_batch, make_lease, make_sender

_numbers = count(1)


def make_everything(organization: Organization, by: User) -> dict[type[Model], Any]:
    """Rows by model, new ones with every call; all names carry the organization's."""
    number = next(_numbers)
    name = f"{organization.name} {number}"
    member = User.objects.create_user(email=f"member{number}@example.com", name=f"{name} member")
    rows: list[Any] = [
        organization,
        member,
        services.add_member(organization=organization, user=member, role=Role.AGENT),
        services.create_api_key(organization=organization, name=f"{name} key", by=by)[0],
        organization.audit_entries.latest("id"),
        *_people(organization, name, number, by),
        *(sending := _sending(organization, name, by)),
        *_broadcasts(organization, name, sending),
        *_schedules(name, number),
    ]
    return {type(row): row for row in rows}


def _people(organization: Organization, name: str, number: int, by: User) -> list[Any]:
    contact = Contact.objects.create(
        organization=organization,
        phone_number=f"+628120{number:06}",
        name=f"{name} contact",
        attributes={"city": name},
    )
    contact_list = ContactList.objects.create(organization=organization, name=f"{name} list")
    list_import = ListImport.objects.create(
        organization=organization,
        file_name=f"{name}.xlsx",
        contact_list=contact_list,
        status=ListImport.Status.READY,
        created_by=by,
    )
    return [
        contact,
        contact_list,
        Segment.objects.create(
            organization=organization,
            name=f"{name} segment",
            filter={"field": "name", "operator": "contains", "value": name},
        ),
        AttributeDefinition.objects.create(organization=organization, key=f"city_{number}", label=f"{name} city"),
        ContactListMember.objects.create(contact_list=contact_list, contact=contact),
        Consent.objects.create(
            organization=organization, phone_number=f"+628122{number:06}", is_given=True, source=f"{name} fair"
        ),
        ConsentChange.objects.create(
            organization=organization, phone_number=f"+628123{number:06}", is_given=True, source=f"{name} fair"
        ),
        Erasure.objects.create(organization=organization, asked_by=f"{name} member"),
        ErasedNumber.objects.create(organization=organization, fingerprint=f"{number:064x}", reason="opted_out"),
        ContactEvent.objects.create(contact=contact, kind=ContactEvent.Kind.CREATED, source=name),
        ContactMerge.objects.create(organization=organization, kept=contact, other_id=0, source=name),
        OtherNumber.objects.create(organization=organization, contact=contact, phone_number=f"+628122{number:06}"),
        BlocklistEntry.objects.create(
            organization=organization, phone_number=f"+628121{number:06}", source=f"{name} hotline"
        ),
        OptOutEvent.objects.create(
            organization=organization,
            kind=OptOutEvent.Kind.OPTED_OUT,
            phone_number=f"+628122{number:06}",
            asked_by="keyword",
            text=f"{name} stop",
        ),
        ContactSettings.objects.update_or_create(organization=organization)[0],
        list_import,
        ImportedRow.objects.create(list_import=list_import, row_number=2, values={"name": name}, problem="no_number"),
        ImportChange.objects.create(
            list_import=list_import, contact=contact, kind="updated", before={"name": "B"}, after={"name": name}
        ),
    ]


def _sending(organization: Organization, name: str, by: User) -> list[Any]:
    sender = make_sender(organization, name=f"{name} sender")
    lease = make_lease(sender)
    batch = make_batch(organization, [sender], 1, text=f"{name} greets {{{{name}}}}", status=BatchStatus.READY)
    message = batch.messages.get()
    message.sender = sender
    message.save(update_fields=["sender"])
    campaign = Campaign.objects.create(
        organization=organization, name=f"{name} campaign", batch=batch, frozen_at=now(), created_by=by
    )
    credentials = AuthCredentials.objects.create(sender=sender, data=b"token", encrypted_with=1, format=1)
    usage = SenderUsage.objects.create(sender=sender)
    media = Media.objects.create(
        organization=organization, name=name, file_name=f"{name}.jpg", mime_type="image/jpeg", size=3, sha256=name
    )
    group = Group.objects.create(
        organization=organization, sender=sender, whatsapp_id=f"{sender.pk}@g.us", subject=f"{name} group"
    )
    sending = [sender, lease, lease.worker, credentials, batch, batch.counts.get(), message, campaign, usage]
    check = NumberCheck.objects.create(organization=organization, sender=sender, phone_number=f"+62813{sender.pk:06}")
    template = templates.create_template(organization=organization, name=f"{name} template", text=f"Hello {name}")
    schedule = Schedule.objects.create(
        organization=organization, campaign=campaign, kind=Schedule.Kind.ONCE, timezone="Asia/Jakarta", next_at=now()
    )
    occurrence = Occurrence.objects.create(
        organization=organization, schedule=schedule, at=now(), outcome=Occurrence.Outcome.STARTED, campaign=campaign
    )
    change = note(campaign, by, "edited", changes={"name": {"from": "Before", "to": campaign.name}})
    event = organization.opt_out_events.latest("id")
    left = BatchOptOut.objects.create(event=event, batch=batch, message=message)
    report = CampaignReport.objects.create(campaign=campaign, as_of=now(), took_ms=1, counted="", details={})
    rehearsal = Rehearsal.objects.create(campaign=campaign, error=f"{name} cannot be rehearsed")
    answer = BatchReply.objects.create(
        batch=batch,
        message=message,
        reply=Message.objects.create(
            organization=organization, sender=sender, direction="in", status=MessageStatus.RECEIVED, text=f"{name} yes"
        ),
        replied_at=now(),
    )
    variant = Variant.objects.create(batch=batch, position=0, name=f"{name} A", text=f"{name} says hi", share=100)
    link = Link.objects.create(batch=batch, number=1, url=f"https://example.com/?name={name}")
    click = Click.objects.create(batch=batch, message=message, link=link, is_bot=False)
    tested = [variant, Experiment.objects.create(batch=batch, winner=variant), link, click]
    return [
        *tested,
        template,
        template.versions.get(),
        *sending,
        media,
        group,
        check,
        schedule,
        occurrence,
        change,
        left,
        answer,
        report,
        rehearsal,
    ]


def _broadcasts(organization: Organization, name: str, sending: list[Any]) -> list[Any]:
    batch = next(row for row in sending if isinstance(row, Batch))
    media = next(row for row in sending if isinstance(row, Media))
    people = BroadcastList.objects.create(organization=organization, name=f"{name} people")
    bulk = BulkSend.objects.create(organization=organization, name=f"{name} bulk")
    bulk.batches.add(batch)
    reminder = Reminder.objects.create(
        organization=organization,
        name=f"{name} reminder",
        phone_number="+628124000001",
        text=f"{name} remember",
        repeat=Reminder.Repeat.DAILY,
        time=time(9),
        timezone="Asia/Jakarta",
    )
    return [
        people,
        BroadcastMember.objects.create(broadcast_list=people, phone_number="+628124000002", position=0),
        Broadcast.objects.create(
            organization=organization, broadcast_list=people, list_name=f"{name} people", batch=batch
        ),
        bulk,
        reminder,
        ReminderRun.objects.create(reminder=reminder, at=now(), outcome=ReminderRun.Outcome.SENT),
        Wave.objects.create(batch=batch, number=0, size=1),
        LibraryFile.objects.create(organization=organization, name=f"{name} file", kind="image", media=media),
    ]


def _schedules(name: str, number: int) -> list[Any]:
    interval = IntervalSchedule.objects.create(every=1000 + number, period=IntervalSchedule.SECONDS)
    return [
        interval,
        PeriodicTask.objects.create(name=f"{name} task", task="messaging.tasks.plan", interval=interval),
        CrontabSchedule.objects.create(minute=str(number % 60)),
        SolarSchedule.objects.create(event="sunrise", latitude=number % 9_000 / 100, longitude=1),
        ClockedSchedule.objects.create(clocked_time=now()),
    ]
