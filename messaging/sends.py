"""Batches that are made and started in one go: broadcasts and bulk sends. From there on they are batches as any other."""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.models import Organization
from messaging import counts, recipients
from messaging.kinds import LONGEST_CAPTION, OF_BATCHES, Kind
from messaging.models import Batch, BatchStatus, Media, MessageStatus, Purpose, TemplateVersion, Wave
from messaging.recipients import TEXT_VARIABLE, Recipient
from messaging.services import NotAllowed
from messaging.template_text import Template, TemplateError, braced, parse
from senders.models import Sender

LONGEST_DELAY_MS = 24 * 3600 * 1000


class InvalidPlan(Exception):
    """The plan cannot be sent. `errors` are texts for the person who asked, by field."""

    def __init__(self, field_name: str, text: str) -> None:
        super().__init__(text)
        self.errors = {field_name: [text]}


@dataclass(frozen=True)
class SendPlan:
    """How many people are sent one text, or each their own (`text` empty and no file).

    Without delays messages leave as fast as the senders' quotas allow. `wave_gap_ms` is the pause between groups, where
    the recipients have groups.
    """

    text: str = ""
    kind: str = Kind.TEXT
    media: Media | None = None
    template_version: TemplateVersion | None = None
    senders: Sequence[Sender] = field(default_factory=tuple)
    purpose: str = Purpose.MARKETING
    min_delay_ms: int = 0
    max_delay_ms: int = 0
    wave_gap_ms: int | None = None

    @property
    def template(self) -> Template | None:
        """None where each recipient has an own text."""
        if not self.text and self.media is None:
            return None
        return parse(self.text, may_be_empty=self.media is not None)

    def fingerprint(self, people: Sequence[Recipient], stands_for: str) -> str:
        """Tells this plan to these people from every other one; `stands_for` names them where it is not empty."""
        said: list[Any] = [
            *(
                self.text,
                str(self.kind),
                self.media.pk if self.media else None,
                sorted(each.pk for each in self.senders),
            ),
            *(str(self.purpose), self.min_delay_ms, self.max_delay_ms, self.wave_gap_ms, stands_for),
        ]
        digest = hashlib.sha256(json.dumps(said).encode())
        for person in () if stands_for else people:
            digest.update(f"\0{person.phone_number}\1{person.text}\1{person.error}".encode())
        return digest.hexdigest()


def check(plan: SendPlan, *, organization: Organization) -> None:
    """Raises `InvalidPlan`."""
    if not plan.senders:
        raise InvalidPlan("sender", _("There is no sender to send from. Add one and connect it first."))
    if plan.kind not in OF_BATCHES:
        raise InvalidPlan("kind", _("This kind cannot be sent to many people at once."))
    if not 0 <= plan.min_delay_ms <= plan.max_delay_ms <= LONGEST_DELAY_MS:
        raise InvalidPlan("max_delay_ms", _("The longest delay must not be below the shortest, and at most a day."))
    try:
        template = plan.template
    except TemplateError as error:
        raise InvalidPlan("text", str(error)) from error
    if template is not None and plan.media is not None and len(plan.text) > LONGEST_CAPTION:
        raise InvalidPlan("text", _("A caption has at most %(n)d characters.") % {"n": LONGEST_CAPTION})


@transaction.atomic
def send(
    *,
    organization: Organization,
    origin: str,
    plan: SendPlan,
    people: Sequence[Recipient],
    idempotency_key: str | None = None,
    stands_for: str = "",
) -> Batch:
    """Writes a message a recipient and lets the planner queue them; the caller asks for a planner pass. With a key that
    was used before, gives the batch it made then. Raises `InvalidPlan`, or `NotAllowed` if that batch differs: who the
    people were counts for that, or, where it is given, whom they stand for.

    A batch in which nobody can be sent to is there as well, and completed: its results say why.
    """
    check(plan, organization=organization)
    if not people:
        raise InvalidPlan("to", _("Say to whom."))
    template = plan.template
    if template is None and any(not person.text.strip() for person in people):
        raise InvalidPlan("text", _("Write the text of the message."))
    fingerprint = plan.fingerprint(people, stands_for) if idempotency_key else ""
    batch = Batch(
        organization=organization,
        origin=origin,
        text=plan.text if template is not None else braced(TEXT_VARIABLE),
        kind=plan.kind if plan.media is not None else Kind.TEXT,
        media=plan.media,
        template_version=plan.template_version,
        purpose=plan.purpose,
        min_delay_ms=plan.min_delay_ms,
        max_delay_ms=plan.max_delay_ms,
        wave_gap_ms=plan.wave_gap_ms,
        idempotency_key=idempotency_key or None,
        fingerprint=fingerprint,
    )
    try:
        with transaction.atomic():
            batch.save(force_insert=True)
    except IntegrityError:
        return _earlier(organization, idempotency_key, fingerprint)
    batch.senders.set(plan.senders)
    numbers = recipients.insert(batch, people, template)
    counts.add(batch.pk, numbers)
    if plan.wave_gap_ms is not None:
        _add_waves(batch, people)
    batch.started_at = now()
    batch.status = BatchStatus.RUNNING
    if not numbers.get((MessageStatus.PENDING, "")):
        batch.status, batch.finished_at = BatchStatus.COMPLETED, batch.started_at
    batch.save(update_fields=["status", "started_at", "finished_at"])
    return batch


def batch_of_key(*, organization: Organization, idempotency_key: str | None) -> Batch | None:
    """The batch that was made with this idempotency key."""
    if not idempotency_key:
        return None
    return Batch.objects.for_organization(organization).filter(idempotency_key=idempotency_key).first()


def _earlier(organization: Organization, idempotency_key: str | None, fingerprint: str) -> Batch:
    earlier = batch_of_key(organization=organization, idempotency_key=idempotency_key)
    if earlier is None:
        raise NotAllowed(_("The batch could not be written. Try again."))
    if earlier.fingerprint != fingerprint:
        raise NotAllowed(_("This idempotency key was used for something different."))
    return earlier


def _add_waves(batch: Batch, people: Collection[Recipient]) -> None:
    """The planner opens the first one."""
    sizes: dict[int, int] = {}
    for person in people:
        if person.wave is not None:
            sizes[person.wave] = sizes.get(person.wave, 0) + 1
    Wave.objects.bulk_create(Wave(batch=batch, number=number, size=size) for number, size in sorted(sizes.items()))
