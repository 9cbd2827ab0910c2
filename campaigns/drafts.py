"""Drafts: campaigns that are still being written. Every change is kept at once; nothing is sent, nobody is fixed."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.core.exceptions import ValidationError
from django.core.files import File
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import Organization, User
from accounts.services import Actor
from campaigns import lint, schedules, services, terms
from campaigns.checks import Errors, delays_of
from campaigns.history import note
from campaigns.models import Approval, Campaign, CampaignStatus, Schedule
from contacts import import_requests
from contacts import services as contact_services
from contacts.models import ListImport
from contacts.sheets import Peek, peek
from messaging.models import Batch
from messaging.services import NotAllowed
from senders.models import Sender


def create_draft(*, organization: Organization, by: Actor = None, **given: Any) -> Campaign:
    """A draft with whatever is `given`, as `save_draft` takes it; all senders, at a fitting pace, where nothing else is
    said. Raises `ValidationError`; then nothing is stored. Prepare it afterwards: a task reads the sheet.
    """
    with transaction.atomic():
        senders = list(Sender.objects.for_organization(organization))
        chosen = list(given.get("senders") or senders)
        errors = Errors()
        shortest, longest = delays_of(errors, chosen, given.get("min_delay_ms"), given.get("max_delay_ms"))
        errors.raise_any()
        batch = Batch.objects.create(
            organization=organization, origin=Batch.Origin.CAMPAIGN, min_delay_ms=shortest, max_delay_ms=longest
        )
        batch.senders.set(senders)
        campaign = Campaign.objects.create(
            organization=organization, batch=batch, is_draft=True, created_by=by if isinstance(by, User) else None
        )
        save_draft(campaign=campaign, by=by, **{**given, "min_delay_ms": shortest, "max_delay_ms": longest})
        note(campaign, by, "created")
    return campaign


def save_draft(
    *,
    campaign: Campaign,
    version: int | None = None,
    file: "File[bytes] | None" = None,
    file_name: str = "",
    without_file: bool = False,
    by: Actor = None,
    **given: Any,
) -> None:
    """Keeps the given fields (those of `terms.FIELDS`), be they complete or not. `file` takes the place of an earlier
    sheet, `without_file` leaves none. With a `version` that is no longer the campaign's, nothing is kept.

    Raises `ValidationError` with the fields' names for what cannot be stored, `terms.Outdated`, and `NotAllowed` where
    it is no draft any more. Prepare the campaign afterwards if a file was given.
    """
    terms.check_storable(campaign, given)
    with stored_file(campaign.organization, file, file_name, by) as sheet, transaction.atomic():
        present = services.locked(campaign.pk)
        services.require(present, CampaignStatus.DRAFT)
        terms.check_version(present, version)
        terms.apply(present, given)
        if sheet is not None or (without_file and present.list_import is not None):
            replace_sheet(present, sheet)
    campaign.refresh_from_db()


@contextmanager
def stored_file(
    organization: Organization, file: "File[bytes] | None", file_name: str, by: Actor
) -> Iterator[ListImport | None]:
    """A sheet that is looked at and stored, not yet saved. Raises `ValidationError` for `file`."""
    if file is None:
        yield None
        return
    errors = Errors()
    seen: Peek | None = errors.collect("file", lambda: peek(file, file_name, organization.default_region))
    errors.raise_any()
    with import_requests.stored_sheet(
        organization=organization, file=file, file_name=file_name, seen=seen, by=by
    ) as sheet:
        yield sheet


def replace_sheet(campaign: Campaign, sheet: ListImport | None) -> dict[str, dict[str, str]]:
    """Puts one sheet in place of another, whose rows are dropped; a task reads the new one. Tells what changed. The
    caller holds the campaign's lock."""
    former = campaign.list_import
    if sheet is not None:
        sheet.save()
    campaign.list_import = sheet
    campaign.version += 1
    campaign.save(update_fields=["list_import", "version"])
    if former is not None:
        with suppress(contact_services.NotAllowed):  # it could not be read
            import_requests.cancel_import(list_import=former)
    return {"file": {"from": former.file_name if former else "", "to": sheet.file_name if sheet else ""}}


def finish_draft(*, campaign: Campaign, start: bool = False, version: int | None = None, by: Actor = None) -> None:
    """A draft that is complete becomes a campaign: its people are read and fixed next; it is started then if asked to.

    Raises `ValidationError` with the fields' names for what is missing or wrong, and `NotAllowed`. Prepare it
    afterwards.
    """
    with transaction.atomic():
        present = services.locked(campaign.pk)
        services.require(present, CampaignStatus.DRAFT)
        terms.check_version(present, version)
        terms.check_complete(present)
        if start:
            services.require_approval(present)
        present.is_draft, present.start_when_ready = False, start
        present.save(update_fields=["is_draft", "start_when_ready"])
        note(present, by, "finished")
    campaign.refresh_from_db()


def start_campaign(*, campaign: Campaign, accept_lint: bool = False, by: Actor = None) -> None:
    """As `services.start_campaign`; a draft is finished first, and starts as soon as its people are fixed. Prepare it
    afterwards. Raises `ValidationError` with the fields' names where the draft is not complete, and `NotAllowed`."""
    if campaign.is_draft:
        if accept_lint:
            lint.accept(campaign)
        finish_draft(campaign=campaign, start=True, by=by)
    else:
        services.start_campaign(campaign=campaign, accept_lint=accept_lint, by=by)


def schedule_campaign(*, campaign: Campaign, by: Actor = None, **asked: Any) -> Schedule:
    """As `schedules.schedule_campaign`; a draft is finished first, if the time is a possible one."""
    with transaction.atomic():
        if campaign.is_draft:
            finish_draft(campaign=campaign, by=by)
        return schedules.schedule_campaign(campaign=campaign, by=by, **asked)


def reopen_campaign(*, campaign: Campaign, by: Actor = None) -> None:
    """A campaign whose list could not be used becomes a draft again, to be mended. Raises `NotAllowed`."""
    with transaction.atomic():
        present = services.locked(campaign.pk)
        if present.status != CampaignStatus.FAILED:
            raise NotAllowed(_("Only a campaign whose list could not be used is made a draft again."))
        if Schedule.objects.filter(campaign=present, next_at__isnull=False).exists():
            raise NotAllowed(_("Take back its time first: a draft cannot start by itself."))
        present.is_draft, present.error, present.frozen_at, present.start_when_ready = True, "", None, False
        present.approval = Approval.NONE
        present.version += 1
        present.save(update_fields=["is_draft", "error", "frozen_at", "start_when_ready", "approval", "version"])
        note(present, by, "reopened")
    campaign.refresh_from_db()


def complaints(error: ValidationError) -> dict[str, str]:
    """One text a field, for a page that shows them beside the fields."""
    return {field: " ".join(texts) for field, texts in error.message_dict.items()}
