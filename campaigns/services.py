"""Making campaigns, fixing their audience, and starting, pausing and stopping them."""

from collections.abc import Callable, Collection, Iterable
from contextlib import ExitStack, suppress
from datetime import timedelta
from typing import Any, TypeVar

from django.core.exceptions import ValidationError
from django.core.files import File
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts import live
from accounts.fields import validate_time_zone
from accounts.models import Organization, User
from accounts.services import Actor, record
from campaigns import audience
from campaigns.models import Campaign, CampaignStatus, Occurrence, Schedule
from campaigns.occurrences import copy_campaign, end_schedule, forget_audience, take
from contacts import columns as column_rules
from contacts import import_requests, imports
from contacts import services as contact_services
from contacts.columns import Column
from contacts.models import ContactList, ListImport, Segment
from contacts.queries import variables_of_contacts, variables_of_list
from contacts.segments import services as segments
from contacts.segments.trees import InvalidFilter
from contacts.sheet_errors import SheetError
from contacts.sheets import peek
from messaging import counts, progress, template_text
from messaging import services as messaging_services
from messaging.models import Batch, BatchStatus, Purpose
from messaging.services import NotAllowed
from messaging.template_text import Template, TemplateError
from messaging.variants import plans
from messaging.variants.plans import VariantPlan
from messaging.windows import parse as parse_windows
from senders.models import Provider, Sender

Found = TypeVar("Found")

SIMULATED_DELAYS_MS = 200, 600
REAL_DELAYS_MS = 3000, 8000  # what a person with both thumbs needs
LONGEST_DELAY_MS = 3_600_000
TAKEN_UP_AFTER = timedelta(seconds=15)


def create_campaign(
    *,
    organization: Organization,
    name: str,
    template: str,
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
    by: Actor = None,
) -> Campaign:
    """Makes a campaign to the people of an uploaded sheet, of a list, of a segment, or of several of them, less those on
    excluded lists and in excluded segments. A task then reads the sheet and fixes the audience.

    Without `senders` all of the organization's are used. With variants, the text of the first one is the template. Raises
    `ValidationError` with the fields' names (name, template, file, contact_list, segment, excluded_segments, senders,
    min_delay_ms, max_delay_ms, windows, timezone, and those of `variants.plans.check`); then nothing is stored.
    """
    errors = _Errors()
    errors.collect("windows", lambda: parse_windows([] if windows is None else windows))
    if timezone:
        errors.collect("timezone", lambda: validate_time_zone(timezone))
    variant_plan = variant_plan or VariantPlan()
    errors.collect_all(lambda: plans.check(variant_plan, track_links=track_links))
    if variant_plan.variants:
        template = variant_plan.variants[0].text
    parsed = _parsed(errors, template, variant_plan)
    seen = errors.collect("file", lambda: peek(file, file_name, organization.default_region)) if file else None
    chosen = list(Sender.objects.for_organization(organization) if senders is None else senders)
    _check_fields(errors, name, file is not None, contact_list, segment, chosen)
    _check_segments(errors, segment, excluded_segments)
    delays = _delays(errors, chosen, min_delay_ms, max_delay_ms)
    if parsed and (seen is not None or file is None):  # a large sheet is looked into by the task
        errors.collect(
            "variants" if variant_plan.variants else "template",
            lambda: _check_variables(parsed, seen.columns if seen else (), contact_list, segment),
        )
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
        record(organization=organization, by=by, action="campaign.created", target=campaign.name)
    return campaign


class _Errors:
    """What is wrong with the fields of a form, gathered so that all of it is said at once."""

    def __init__(self) -> None:
        self.by_field: dict[str, list[str]] = {}

    def add(self, field: str, text: str) -> None:
        self.by_field.setdefault(field, []).append(text)

    def collect(self, field: str, check: Callable[[], Found]) -> Found | None:
        """What `check` gives; its complaint is noted instead where it raises one."""
        try:
            return check()
        except (TemplateError, SheetError) as error:
            self.add(field, str(error))
        except ValidationError as error:
            for text in error.messages:
                self.add(field, text)
        return None

    def collect_all(self, check: Callable[[], None]) -> None:
        """Notes what `check` says of several fields."""
        try:
            check()
        except ValidationError as error:
            for field, texts in error.message_dict.items():
                for text in texts:
                    self.add(field, text)

    def raise_any(self) -> None:
        if self.by_field:
            raise ValidationError({field: list(texts) for field, texts in self.by_field.items()})


def _parsed(errors: _Errors, template: str, plan: VariantPlan) -> list[Template]:
    """All texts that somebody may get, taken apart; none where one cannot be used. What is wrong with a variant has
    been said."""
    if plan.variants:
        return [] if "variants" in errors.by_field else [template_text.parse(each.text) for each in plan.variants]
    parsed = errors.collect("template", lambda: template_text.parse(template))
    return [] if parsed is None else [parsed]


def _check_fields(
    errors: _Errors,
    name: str,
    has_file: bool,
    contact_list: ContactList | None,
    segment: Segment | None,
    senders: list[Sender],
) -> None:
    if not name.strip():
        errors.add("name", _("Give the campaign a name."))
    if len(name.strip()) > 120:
        errors.add("name", _("The name may have 120 characters."))
    if not has_file and contact_list is None and segment is None:
        errors.add("file", _("Upload an Excel sheet, or choose a list or a segment."))
    if contact_list is not None and not has_file and segment is None and not contact_list.contacts.exists():
        errors.add("contact_list", _("Nobody is on the list “%(name)s”.") % {"name": contact_list.name})
    if not senders:
        errors.add("senders", _("Choose at least one sender. Add one under Senders if there is none."))


def _check_segments(errors: _Errors, segment: Segment | None, excluded: Collection[Segment]) -> None:
    """A segment that asks for something that was deleted could mean everybody."""
    for field, each in [("segment", segment), *(("excluded_segments", each) for each in excluded)]:
        problem = segments.described(each)[1] if each is not None else ""
        if each is not None and problem:
            text = _("The segment “%(name)s” must be mended first. %(problem)s")
            errors.add(field, text % {"name": each.name, "problem": problem})


def _delays(errors: _Errors, senders: list[Sender], shortest: int | None, longest: int | None) -> tuple[int, int]:
    """The delays between two messages of one sender, in milliseconds: those given, or fitting ones."""
    all_simulated = bool(senders) and all(sender.provider == Provider.SIMULATED for sender in senders)
    usual = SIMULATED_DELAYS_MS if all_simulated else REAL_DELAYS_MS
    if shortest is None:
        shortest = usual[0] if longest is None else min(usual[0], longest)
    if longest is None:
        longest = max(usual[1], shortest)
    if not 0 <= shortest <= LONGEST_DELAY_MS:
        errors.add("min_delay_ms", _("The delay must be between 0 and 3,600,000 milliseconds."))
    elif not shortest <= longest <= LONGEST_DELAY_MS:
        errors.add("max_delay_ms", _("The longest delay must not be below the shortest, nor above an hour."))
    return shortest, longest


def _check_variables(
    templates: list[Template], columns: Iterable[Column], contact_list: ContactList | None, segment: Segment | None
) -> None:
    """Raises `TemplateError` for a variable that neither the sheet's columns nor the list's contacts have, nor any of the
    organization's where a segment is chosen."""
    known = dict.fromkeys(column_rules.variables_of(columns))
    if contact_list is not None:
        used = [key for template in templates for key in template.variables]
        known.update(dict.fromkeys(variables_of_list(contact_list, used)))
    if segment is not None:
        known.update(dict.fromkeys(variables_of_contacts(segment.organization)))
    for template in templates:
        template_text.check(template, known)


# -- From the stored sheet to a frozen audience: what the task does --


def prepare_campaign(*, campaign_id: int) -> None:
    """Reads the sheet, fixes the audience, and starts the campaign if that was asked for. Safe to repeat."""
    campaign = Campaign.objects.select_related("batch", "contact_list", "segment", "list_import").get(pk=campaign_id)
    if campaign.list_import is not None:
        list_import = imports.read(
            list_import_id=campaign.list_import.pk, accept=lambda columns: _accept(campaign, columns)
        )
        if list_import.status == ListImport.Status.READING:
            return  # another process reads it, and goes on from there
        if list_import.status == ListImport.Status.FAILED:
            _fail(campaign, list_import.error)
    freeze_audience(campaign_id=campaign_id)
    live.publish(progress.topic(campaign.batch_id), {"type": "prepared"})


def _accept(campaign: Campaign, columns: list[Column]) -> None:
    """Refuses a sheet that lacks a variable of the text before its rows are read."""
    try:
        _check_variables(plans.templates_of(campaign.batch), columns, campaign.contact_list, campaign.segment)
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
        if campaign.repeats:
            return  # each campaign that it makes has its own audience
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
    _check_variables(templates, columns, campaign.contact_list, campaign.segment)
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
        imports.forget_people(list_import.pk)  # the messages hold their values now
    if campaign.start_when_ready:
        _start_by_itself(campaign)


def _start_by_itself(campaign: Campaign) -> None:
    try:
        messaging_services.start_batch(batch=campaign.batch)
    except NotAllowed as error:  # nobody is there to be told: the page and the API show it
        not_started(campaign, error)


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


def start_campaign(*, campaign: Campaign, by: Actor = None) -> None:
    """Starts sending, also what was scheduled for later; a campaign whose list is still read starts as soon as that is
    done. Raises `NotAllowed`."""
    with transaction.atomic():
        present = locked(campaign.pk)
        _require(present, CampaignStatus.READY, CampaignStatus.READING, CampaignStatus.SCHEDULED)
        if present.repeats:
            raise NotAllowed(_("This campaign repeats: each time it makes a new one. It is not sent itself."))
        if present.status == CampaignStatus.SCHEDULED:
            take(present.schedule, now(), Occurrence.Outcome.STARTING, present)
            end_schedule(present)
        if present.frozen_at is None:
            present.start_when_ready = True
            present.save(update_fields=["start_when_ready"])
        else:
            messaging_services.start_batch(batch=present.batch)
        note(present, by, "started")
    campaign.refresh_from_db()


def pause_campaign(*, campaign: Campaign, by: Actor = None) -> None:
    """Nothing more leaves; what is on its way does. Raises `NotAllowed`."""
    _require(campaign, CampaignStatus.RUNNING)
    messaging_services.pause_batch(batch=campaign.batch)
    note(campaign, by, "paused")


def resume_campaign(*, campaign: Campaign, by: Actor = None) -> None:
    """Goes on where a paused campaign stopped. Raises `NotAllowed`."""
    _require(campaign, CampaignStatus.PAUSED)
    messaging_services.resume_batch(batch=campaign.batch)
    note(campaign, by, "resumed")


def cancel_campaign(*, campaign: Campaign, by: Actor = None) -> None:
    """Ends a campaign for good, also one whose list is still read, and with it what its schedule has left to do.
    Raises `NotAllowed`.
    """
    with transaction.atomic():
        present = locked(campaign.pk)
        if not (present.repeats and present.batch.status == BatchStatus.READY):
            _require(present, *NOT_ENDED)
        messaging_services.cancel_batch(batch=present.batch)
        end_schedule(present)
        if present.frozen_at is None and present.list_import is not None:
            with suppress(contact_services.NotAllowed):  # it is read by now: freezing then finds a cancelled batch
                import_requests.cancel_import(list_import=present.list_import)
        note(present, by, "cancelled")
    campaign.refresh_from_db()


def duplicate_campaign(*, campaign: Campaign, by: Actor = None) -> Campaign:
    """A new campaign with the text, senders, pace and list or segment of this one, which nobody has started yet.
    Prepare it afterwards. Raises `NotAllowed` for an uploaded sheet, which is not kept.
    """
    if campaign.list_import_id is not None:
        raise NotAllowed(
            _("Its people came from an uploaded sheet, which is not kept: make a new one with the sheet.")
        )
    with transaction.atomic():
        name = _("Copy of %(name)s") % {"name": campaign.name}
        made = copy_campaign(campaign=campaign, name=name, by=by if isinstance(by, User) else None, start=False)
        note(made, by, "created")
    return made


NOT_ENDED = (
    CampaignStatus.READING,
    CampaignStatus.READY,
    CampaignStatus.SCHEDULED,
    CampaignStatus.RUNNING,
    CampaignStatus.PAUSED,
)


def _require(campaign: Campaign, *statuses: CampaignStatus) -> None:
    """Raises `NotAllowed` in the campaign's words. Of two people who act at once, messaging tells the second one."""
    if campaign.error:
        raise NotAllowed(campaign.error)
    if campaign.status not in statuses:
        status = CampaignStatus(campaign.status).label.lower()
        raise NotAllowed(_("That is not possible now: the campaign is %(status)s.") % {"status": status})


def note(campaign: Campaign, by: Actor, what: str, **detail: str) -> None:
    """Writes down that somebody did something with a campaign."""
    record(organization=campaign.organization, by=by, action=f"campaign.{what}", target=campaign.name, **detail)
