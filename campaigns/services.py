"""Making campaigns, fixing their audience, and starting, pausing and stopping them."""

from collections.abc import Collection
from contextlib import ExitStack, suppress
from datetime import timedelta
from functools import partial
from typing import Any

from django.core.files import File
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts import live
from accounts.fields import validate_time_zone
from accounts.models import Organization, User
from accounts.services import Actor
from campaigns import audience, lint
from campaigns.checks import Errors, check_fields, check_segments, check_variables, delays_of, parsed_texts
from campaigns.history import note
from campaigns.models import Campaign, CampaignStatus, Occurrence, Schedule
from campaigns.occurrences import end_schedule, forget_audience, take
from contacts import columns as column_rules
from contacts import import_requests, imports
from contacts import services as contact_services
from contacts.columns import Column
from contacts.models import ContactList, ListImport, Segment
from contacts.segments import services as segments
from contacts.segments.trees import InvalidFilter
from contacts.sheet_errors import SheetError
from contacts.sheets import peek
from messaging import counts, progress
from messaging import services as messaging_services
from messaging.kinds import Kind
from messaging.models import Batch, BatchStatus, Media, Purpose, TemplateVersion, Variant
from messaging.services import NotAllowed
from messaging.template_text import TemplateError
from messaging.variants import decision, plans
from messaging.variants.plans import VariantPlan
from messaging.windows import parse as parse_windows
from senders.models import Sender

TAKEN_UP_AFTER = timedelta(seconds=15)


def create_campaign(
    *,
    organization: Organization,
    name: str,
    template: str = "",
    media: Media | None = None,
    kind: str = "",
    template_version: TemplateVersion | None = None,
    file: "File[bytes] | None" = None,
    file_name: str = "",
    contact_list: ContactList | None = None,
    segment: Segment | None = None,
    excluded_lists: Collection[ContactList] = (),
    excluded_segments: Collection[Segment] = (),
    senders: Collection[Sender] | None = None,
    min_delay_ms: int | None = None,
    max_delay_ms: int | None = None,
    windows: list[dict[str, Any]] | None = None,
    timezone: str = "",
    recipient_time: bool = False,
    typing: bool = False,
    purpose: str = Purpose.MARKETING,
    track_links: bool = False,
    variant_plan: VariantPlan | None = None,
    start: bool = False,
    accept_lint: bool = False,
    by: Actor = None,
) -> Campaign:
    """Makes a campaign to the people of an uploaded sheet, of a list, of a segment, or of several of them, less those on
    excluded lists and in excluded segments. A task then reads the sheet and fixes the audience.

    `media` goes out as `kind`, with `template` as its caption; `template_version` is what both were taken from. Without
    `senders` all of the organization's are used. With variants, the text of the first one is the template. Raises
    `ValidationError` with the fields' names (name, template, media, file, contact_list, segment, excluded_segments, senders,
    min_delay_ms, max_delay_ms, windows, timezone, and those of `variants.plans.check`); then nothing is stored.
    """
    errors = Errors()
    errors.collect("windows", lambda: parse_windows([] if windows is None else windows))
    if timezone:
        errors.collect("timezone", lambda: validate_time_zone(timezone))
    variant_plan = variant_plan or VariantPlan()
    errors.collect_all(lambda: plans.check(variant_plan, track_links=track_links))
    if variant_plan.variants:
        template = variant_plan.variants[0].text
    parsed = parsed_texts(errors, template, variant_plan, media, kind)
    seen = errors.collect("file", lambda: peek(file, file_name, organization.default_region)) if file else None
    chosen = list(Sender.objects.for_organization(organization) if senders is None else senders)
    check_fields(errors, name, file is not None, contact_list, segment, chosen)
    check_segments(errors, segment, excluded_segments)
    delays = delays_of(errors, chosen, min_delay_ms, max_delay_ms)
    if parsed and (seen is not None or file is None):  # a large sheet is looked into by the task
        errors.collect(
            "variants" if variant_plan.variants else "template",
            lambda: check_variables(parsed, seen.columns if seen else (), contact_list, segment),
        )
    if start and organization.campaigns_need_approval:
        errors.add("start", needs_approval())
    errors.raise_any()
    with ExitStack() as storing:
        list_import = None
        if file is not None:
            list_import = storing.enter_context(
                import_requests.stored_sheet(
                    organization=organization, file=file, file_name=file_name, seen=seen, by=by
                )
            )
        storing.enter_context(transaction.atomic())
        batch = Batch.objects.create(
            organization=organization,
            origin=Batch.Origin.CAMPAIGN,
            text=template,
            media=media,
            kind=kind if media is not None else Kind.TEXT,
            template_version=template_version,
            min_delay_ms=delays[0],
            max_delay_ms=delays[1],
            windows=windows or [],
            timezone=timezone,
            recipient_time=recipient_time,
            typing=typing,
            purpose=purpose,
            track_links=track_links,
        )
        batch.senders.set(chosen)
        plans.set_plan(batch=batch, plan=variant_plan)
        if list_import is not None:
            list_import.save()
        campaign = Campaign.objects.create(
            organization=organization,
            name=name.strip(),
            contact_list=contact_list,
            segment=segment,
            list_import=list_import,
            batch=batch,
            start_when_ready=start,
            created_by=by if isinstance(by, User) else None,
        )
        campaign.excluded_lists.set(excluded_lists)
        campaign.excluded_segments.set(excluded_segments)
        if accept_lint:
            lint.accept(campaign)
        note(campaign, by, "created")
    return campaign


# -- From the stored sheet to a frozen audience: what the task does --


def prepare_campaign(*, campaign_id: int) -> None:
    """Reads the sheet, fixes the audience, and starts the campaign if that was asked for. Safe to repeat.

    Of a draft only the sheet is read.
    """
    campaign = Campaign.objects.select_related("batch", "contact_list", "segment", "list_import").get(pk=campaign_id)
    if campaign.list_import is not None:
        list_import = imports.read(
            list_import_id=campaign.list_import.pk,
            accept=None if campaign.is_draft else lambda columns: _accept(campaign, columns),
        )
        if list_import.status == ListImport.Status.READING:
            return  # another process reads it, and goes on from there
        if list_import.status == ListImport.Status.FAILED and not campaign.is_draft:
            _fail(campaign, list_import.error)
    freeze_audience(campaign_id=campaign_id)
    live.publish(progress.topic(campaign.batch_id), {"type": "prepared"})


def _accept(campaign: Campaign, columns: list[Column]) -> None:
    """Refuses a sheet that lacks a variable of the text before its rows are read."""
    try:
        check_variables(plans.templates_of(campaign.batch), columns, campaign.contact_list, campaign.segment)
    except TemplateError as error:
        raise SheetError(str(error)) from error


def freeze_audience(*, campaign_id: int) -> None:
    """Turns the people of the read sheet and of the list into messages, once; then starts the batch if asked to.

    A list that cannot be used makes the campaign `failed`, with the reason.
    """
    with transaction.atomic():
        campaign = locked(campaign_id)
        if campaign.frozen_at is not None or campaign.error or campaign.batch.status != BatchStatus.READY:
            return  # done before, or cancelled meanwhile
        if campaign.is_draft or campaign.repeats:
            return  # each campaign that a repetition makes has its own audience
        try:
            _freeze(campaign)
        except (TemplateError, _Unusable) as error:  # raised before anything was written
            _fail(campaign, str(error))


class _Unusable(Exception):
    """There is nobody in the list whom a message could reach."""


def _freeze(campaign: Campaign) -> None:
    list_import = campaign.list_import
    columns = column_rules.from_json(list_import.columns) if list_import else []
    templates = plans.templates_of(campaign.batch)
    check_variables(templates, columns, campaign.contact_list, campaign.segment)
    # A person who lacks a value of one variant gets none: else the variants' people would differ by more than the text.
    required = list(dict.fromkeys(key for template in templates for key in template.required))
    forget_audience(campaign)  # one that was scheduled had an audience to look at; what counts is who is there now
    moment = now()
    try:
        people = audience.insert_messages(campaign, required, at=moment)
    except InvalidFilter as error:
        raise _Unusable(_("A segment asks for what is no longer there. %s") % " ".join(error.messages)) from error
    if not people.numbers:
        raise _Unusable(_nobody(campaign))
    counts.add(campaign.batch_id, people.numbers)
    campaign.merged = people.overridden + (list_import.merged if list_import else 0)
    campaign.invalid_rows = list_import.invalid if list_import else 0
    campaign.frozen_at = moment
    campaign.segment_summary = segments.described(campaign.segment)[0] if campaign.segment else ""
    campaign.save(update_fields=["merged", "invalid_rows", "frozen_at", "segment_summary"])
    if list_import is not None:
        transaction.on_commit(partial(imports.drop_file, list_import.pk), robust=True)
    if campaign.start_when_ready:
        _start_by_itself(campaign)


def _start_by_itself(campaign: Campaign) -> None:
    try:
        require_approval(campaign)
        begin(campaign)
    except NotAllowed as error:  # nobody is there to be told: the page and the API show it
        not_started(campaign, error)


def begin(campaign: Campaign) -> None:
    """Lets the messages go. Until then the rows of the sheet are kept, so that the audience can be fixed anew after a
    change. The caller holds the campaign's lock. Raises `NotAllowed`, also for texts that would embarrass."""
    lint.require_fine(campaign)
    messaging_services.start_batch(batch=campaign.batch)
    forget_sheet(campaign)


def forget_sheet(campaign: Campaign) -> None:
    """Deletes the rows of the sheet: the messages hold their values. Those with a problem stay, to be shown."""
    if campaign.list_import_id is not None:
        imports.forget_people(campaign.list_import_id)


def require_approval(campaign: Campaign) -> None:
    """Raises `NotAllowed` where the organization demands an approval that the campaign, as it is now, does not have."""
    if campaign.lacks_approval:
        raise NotAllowed(needs_approval())


def needs_approval() -> str:
    return _("It needs the approval of an owner or an admin first: submit it for approval.")


def not_started(campaign: Campaign, error: NotAllowed) -> None:
    """Keeps why a campaign could not start by itself."""
    Batch.objects.filter(pk=campaign.batch_id).update(status_reason=str(error)[:300])


def reads_people_at_start(campaign: Campaign) -> bool:
    """Whether a scheduled campaign's audience is fixed when it starts, as a list's is. An uploaded sheet's is fixed
    as soon as it is read."""
    return campaign.list_import_id is None


def _nobody(campaign: Campaign) -> str:
    list_import = campaign.list_import
    if campaign.segment is not None:
        return _("Nobody was in the segment “%(name)s” who is not excluded.") % {"name": campaign.segment}
    if list_import is None:
        return _("Nobody is on the list “%(name)s”.") % {"name": campaign.contact_list}
    return _(
        "“%(name)s” has no row with a usable phone number: %(invalid)s rows were refused. "
        "Check the column with the numbers and upload it again."
    ) % {"name": list_import.file_name, "invalid": list_import.invalid}


def locked(campaign_id: int) -> Campaign:
    """The campaign with its batch, held until the transaction ends, so that one of two changes comes second. Its
    schedule changes under the same lock.
    """
    return _unlocked().select_for_update(of=("self", "batch")).get(pk=campaign_id)


def locked_unless_held(campaign_id: int) -> Campaign | None:
    """The same, or None where somebody else holds it."""
    held = _unlocked().select_for_update(of=("self", "batch"), skip_locked=True)
    return held.filter(pk=campaign_id).first()


def _unlocked() -> QuerySet[Campaign]:
    return Campaign.objects.select_related("batch", "organization", "list_import", "contact_list")


def _fail(campaign: Campaign, error: str) -> None:
    Campaign.objects.filter(pk=campaign.pk, frozen_at=None, error="").update(error=error)


def unprepared() -> list[int]:
    """Campaigns whose preparation was lost with its worker, or waits for one."""
    waiting = Campaign.objects.filter(
        Q(schedule=None) | Q(schedule__kind=Schedule.Kind.ONCE),
        Q(is_draft=False) | Q(list_import__status=ListImport.Status.READING),
        frozen_at=None,
        error="",
        batch__status=BatchStatus.READY,
        created_at__lt=now() - TAKEN_UP_AFTER,
    ).values_list("pk", "list_import_id")
    return [
        campaign_id
        for campaign_id, list_import_id in waiting
        if list_import_id is None or not imports.is_worked_on(list_import_id)
    ]


# -- What people do with a campaign --


def start_campaign(*, campaign: Campaign, accept_lint: bool = False, by: Actor = None) -> None:
    """Starts sending, also what was scheduled for later; a campaign whose list is still read starts as soon as that is
    done. Raises `NotAllowed`; `LintRefused` for texts that would embarrass, unless they are accepted."""
    with transaction.atomic():
        present = locked(campaign.pk)
        require(present, CampaignStatus.READY, CampaignStatus.READING, CampaignStatus.SCHEDULED)
        if present.repeats:
            raise NotAllowed(_("This campaign repeats: each time it makes a new one. It is not sent itself."))
        require_approval(present)
        if accept_lint:
            lint.accept(present)
        if present.status == CampaignStatus.SCHEDULED:
            take(present.schedule, now(), Occurrence.Outcome.STARTING, present)
            end_schedule(present)
        if present.frozen_at is None:
            present.start_when_ready = True
            present.save(update_fields=["start_when_ready"])
        else:
            begin(present)
        note(present, by, "started")
    campaign.refresh_from_db()


def pause_campaign(*, campaign: Campaign, by: Actor = None) -> None:
    """Nothing more leaves; what is on its way does. Raises `NotAllowed`."""
    require(campaign, CampaignStatus.RUNNING)
    messaging_services.pause_batch(batch=campaign.batch)
    note(campaign, by, "paused")


def choose_variant(*, campaign: Campaign, variant: Variant, by: Actor = None) -> None:
    """Whoever waits for the winner gets this variant; a task lets them go. Raises `NotAllowed`."""
    with transaction.atomic():
        decision.choose_by_hand(batch=campaign.batch, variant=variant)
        note(campaign, by, "variant_chosen", variant=variant.name)


def resume_campaign(*, campaign: Campaign, by: Actor = None) -> None:
    """Goes on where a paused campaign stopped. Raises `NotAllowed`."""
    require(campaign, CampaignStatus.PAUSED)
    require_approval(campaign)
    messaging_services.resume_batch(batch=campaign.batch)
    note(campaign, by, "resumed")


def cancel_campaign(*, campaign: Campaign, by: Actor = None) -> None:
    """Ends a campaign for good, also one whose list is still read, and with it what its schedule has left to do.
    Raises `NotAllowed`.
    """
    with transaction.atomic():
        present = locked(campaign.pk)
        if not (present.repeats and present.batch.status == BatchStatus.READY):
            require(present, *NOT_ENDED)
        messaging_services.cancel_batch(batch=present.batch)
        end_schedule(present)
        if present.frozen_at is not None:
            forget_sheet(present)
        if present.frozen_at is None and present.list_import is not None:
            with suppress(contact_services.NotAllowed):  # it is read by now: freezing then finds a cancelled batch
                import_requests.cancel_import(list_import=present.list_import)
        note(present, by, "cancelled")
    campaign.refresh_from_db()


NOT_ENDED = (
    CampaignStatus.READING,
    CampaignStatus.READY,
    CampaignStatus.SCHEDULED,
    CampaignStatus.RUNNING,
    CampaignStatus.PAUSED,
)


def require(campaign: Campaign, *statuses: CampaignStatus) -> None:
    """Raises `NotAllowed` in the campaign's words. Of two people who act at once, messaging tells the second one."""
    if campaign.error:
        raise NotAllowed(campaign.error)
    if campaign.status not in statuses:
        status = CampaignStatus(campaign.status).label.lower()
        raise NotAllowed(_("That is not possible now: the campaign is %(status)s.") % {"status": status})
