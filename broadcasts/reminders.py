"""Reminders: one message to one person, again and again.

A due time is taken in one transaction with the message that it makes, so that it makes one, whatever is killed when.
"""

from datetime import date, datetime, time, timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.fields import validate_time_zone
from accounts.models import Organization, User
from accounts.services import Actor, record
from broadcasts.models import Reminder, ReminderRun
from messaging import services
from messaging.kinds import LONGEST_CAPTION, WITH_CAPTION, Kind
from messaging.models import LibraryFile
from messaging.recurrence import rule_errors, written
from messaging.services import NotAllowed
from messaging.template_text import LONGEST
from senders.models import Sender

Repeat, State = Reminder.Repeat, Reminder.State
TAKEN_AT_ONCE = 200
LONGEST_LATE_HOURS = 7 * 24
KEY = "reminder:{reminder}:{at:%Y%m%dT%H%M%S}"  # the idempotency key of what a due time makes


def create_reminder(
    *,
    organization: Organization,
    phone_number: str,
    repeat: str,
    text: str = "",
    file: LibraryFile | None = None,
    sender: Sender | None = None,
    name: str = "",
    timezone: str = "",
    time: time | None = None,
    weekdays: list[int] | None = None,
    day_of_month: int | None = None,
    cron: str = "",
    ends_on: date | None = None,
    late_hours: int = 6,
    by: Actor = None,
) -> Reminder:
    """A reminder to a number in E.164, active at once. The zone is the organization's where none is named. Raises
    `ValidationError` by field."""
    timezone = timezone or organization.timezone
    try:
        validate_time_zone(timezone)
    except ValidationError as error:
        raise ValidationError({"timezone": error.messages}) from error
    reminder = Reminder(
        organization=organization,
        name=" ".join(name.replace("\x00", "").split())[:120],
        phone_number=phone_number,
        sender=sender,
        text=text,
        file=file,
        repeat=repeat,
        timezone=timezone,
        time=time if repeat != Repeat.CRON else None,
        weekdays=sorted(set(weekdays or [])) if repeat == Repeat.WEEKLY else [],
        day_of_month=day_of_month if repeat == Repeat.MONTHLY else None,
        cron=" ".join(cron.split()) if repeat == Repeat.CRON else "",
        ends_on=ends_on,
        late_hours=late_hours,
        created_by=by if isinstance(by, User) else None,
    )
    _check(reminder)
    reminder.next_at = reminder.after(now())
    if reminder.next_at is None:
        raise ValidationError({"ends_on": _("It would never be sent: no time fits before the last day.")})
    with transaction.atomic():
        reminder.save()
        record(organization=organization, by=by, action="reminders.created", target=f"#{reminder.pk}")
    return reminder


def _check(reminder: Reminder) -> None:
    errors: dict[str, Any] = {}
    if reminder.repeat not in Repeat.values:
        raise ValidationError({"repeat": _("Choose one of %(known)s.") % {"known": ", ".join(Repeat.values)}})
    kind = reminder.file.kind if reminder.file is not None else Kind.TEXT
    if kind == Kind.TEXT and not reminder.text.strip():
        errors["text"] = _("Write the text.")
    elif kind != Kind.TEXT and kind not in WITH_CAPTION and reminder.text:
        errors["text"] = _("A message of the kind %(kind)s has no text.") % {"kind": kind}
    elif len(reminder.text) > (LONGEST if kind == Kind.TEXT else LONGEST_CAPTION):
        errors["text"] = _("The text is too long.")
    if not 0 <= reminder.late_hours <= LONGEST_LATE_HOURS:
        errors["late_hours"] = _("Choose from 0 to 168 hours. With 0 it is sent on time or not at all.")
    errors |= rule_errors(
        reminder.repeat,
        reminder.zone,
        time=reminder.time,
        weekdays=reminder.weekdays,
        day_of_month=reminder.day_of_month,
        cron=reminder.cron,
    )
    if errors:
        raise ValidationError(errors)


def pause_reminder(*, reminder: Reminder, by: Actor = None) -> None:
    _change(reminder, [State.ACTIVE], State.PAUSED, None, by)


def resume_reminder(*, reminder: Reminder, by: Actor = None) -> None:
    """Goes on with the next time to come: what fell into the pause is left out. Raises `NotAllowed`."""
    following = reminder.after(now())
    if following is None:
        raise NotAllowed(_("Its last day has passed."))
    _change(reminder, [State.PAUSED], State.ACTIVE, following, by)


def end_reminder(*, reminder: Reminder, by: Actor = None) -> None:
    _change(reminder, [State.ACTIVE, State.PAUSED], State.ENDED, None, by)


def delete_reminder(*, reminder: Reminder, by: Actor = None) -> None:
    """Also ends it. What it made stays."""
    organization, target = reminder.organization, f"#{reminder.pk}"
    with transaction.atomic():
        reminder.delete()
        record(organization=organization, by=by, action="reminders.deleted", target=target)


def _change(
    reminder: Reminder, before: list[Reminder.State], after: Reminder.State, next_at: datetime | None, by: Actor
) -> None:
    with transaction.atomic():
        changed = Reminder.objects.filter(pk=reminder.pk, state__in=before).update(state=after, next_at=next_at)
        if not changed:
            raise NotAllowed(_("That is not possible now: the reminder is %(state)s.") % {"state": reminder.state})
        target = f"#{reminder.pk}"
        record(organization=reminder.organization, by=by, action=f"reminders.{after}", target=target)
    reminder.refresh_from_db()


def run_due() -> int:
    """Takes every due time that has come. Returns how many messages it made; the caller asks for a planner pass."""
    made = 0
    while True:
        with transaction.atomic():
            due = list(
                Reminder.objects.select_for_update(skip_locked=True, of=("self",))
                .select_related("organization", "sender", "file__media")
                .filter(next_at__lte=now())
                .order_by("next_at")[:TAKEN_AT_ONCE]
            )
            made += sum(_take(reminder) for reminder in due)
        if len(due) < TAKEN_AT_ONCE:
            return made


def _take(reminder: Reminder) -> bool:
    """Whether a message was made. Of several times that were missed only the last one counts."""
    moment = now()
    at = reminder.next_at or moment
    following = reminder.after(at)
    while following is not None and following <= moment:
        at, following = following, reminder.after(following)
    is_late = moment - at > timedelta(hours=reminder.late_hours, minutes=1)
    run, is_new = ReminderRun.objects.get_or_create(
        reminder=reminder,
        at=at,
        defaults={"outcome": ReminderRun.Outcome.MISSED if is_late else ReminderRun.Outcome.SENT},
    )
    if is_new and not is_late:
        message = services.send_message(
            organization=reminder.organization,
            to=reminder.phone_number,
            text=reminder.text,
            sender=reminder.sender,
            kind=reminder.file.kind if reminder.file is not None else Kind.TEXT,
            media=reminder.file.media if reminder.file is not None else None,
            idempotency_key=KEY.format(reminder=reminder.pk, at=at),
        )
        ReminderRun.objects.filter(pk=run.pk).update(message=message)
    reminder.next_at = following
    reminder.state = State.ENDED if following is None else reminder.state
    reminder.save(update_fields=["next_at", "state"])
    return is_new and not is_late


def sentence(reminder: Reminder) -> str:
    """`Every Monday at 09:00 Asia/Jakarta, next on Mon 23 Nov 2026, 09:00`."""
    rule = str(reminder.recurrence)
    if reminder.next_at is None:
        return rule
    following = written(reminder.next_at, reminder.zone, names_zone=False)
    return _("%(rule)s, next on %(moment)s") % {"rule": rule, "moment": following}
