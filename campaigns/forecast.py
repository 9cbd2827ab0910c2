"""When a campaign will have been sent, what holds it back, in words, and what would be if it were sent otherwise."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.core.cache import cache
from django.core.exceptions import ValidationError
from django.utils.formats import date_format, number_format
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.fields import validate_time_zone
from accounts.models import Organization
from campaigns.models import Campaign, CampaignStatus, Schedule
from messaging.forecasting import answer, facts
from messaging.forecasting.facts import Facts, Terms
from messaging.forecasting.simulation import SenderOutlook
from messaging.windows import parse as parse_windows
from senders.models import Sender
from senders.slowing import likely_to_pause

LONGEST_DELAY_MS = 3_600_000
LEAST_SHARE = 0.03  # of the time that the senders wait: what takes less does not hold the campaign back
RECENT_SECONDS = 3
NOW = timedelta(minutes=1)
SHOWN_TO_THE_SECOND = timedelta(minutes=30)  # what ends sooner is told to the second
NAMED = 3  # senders in a sentence; more are counted


@dataclass(frozen=True)
class Limit:
    """What holds a campaign back: a code for programs, a sentence for people, and how much of its senders' time it
    takes (0 to 1; None where nothing can be sent at all)."""

    code: str
    text: str
    share: float | None = None

    @property
    def share_percent(self) -> int:
        return round(100 * (self.share or 0))


@dataclass(frozen=True)
class CampaignForecast:
    """Moments are in `timezone`, which is the campaign's. Those that nobody can know are None; `limits`, the most
    binding first, then say why. `messages` are still to send, of which `skips` will probably be skipped."""

    as_of: datetime
    timezone: str
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    earliest: datetime | None = None
    latest: datetime | None = None
    limits: tuple[Limit, ...] = ()
    messages: int = 0
    skips: int = 0


@dataclass(frozen=True)
class WhatIf:
    """What a forecast supposes instead of what is. None means: as it is. `windows` are as in `messaging.windows`; an
    empty list means at any time."""

    senders: tuple[Sender, ...] | None = None
    min_delay_ms: int | None = None
    max_delay_ms: int | None = None
    windows: list[dict[str, Any]] | None = None
    timezone: str | None = None
    starts_at: datetime | None = None


def check(what_if: WhatIf, campaign: Campaign) -> Terms:
    """The terms that a what-if comes to. Raises `ValidationError` with the names of its fields."""
    terms = facts.terms_of(campaign.batch)
    shortest, longest = terms.min_delay // timedelta(milliseconds=1), terms.max_delay // timedelta(milliseconds=1)
    if what_if.min_delay_ms is not None:
        shortest = what_if.min_delay_ms
        longest = max(longest, shortest) if what_if.max_delay_ms is None else longest
    if what_if.max_delay_ms is not None:
        longest = what_if.max_delay_ms
        shortest = min(longest, shortest) if what_if.min_delay_ms is None else shortest
    if not 0 <= shortest <= LONGEST_DELAY_MS:
        raise ValidationError({"min_delay_ms": _("The delay must be between 0 and 3,600,000 milliseconds.")})
    if not shortest <= longest <= LONGEST_DELAY_MS:
        raise ValidationError(
            {"max_delay_ms": _("The longest delay must not be below the shortest, nor above an hour.")}
        )
    terms = replace(terms, min_delay=timedelta(milliseconds=shortest), max_delay=timedelta(milliseconds=longest))
    if what_if.windows is not None:
        try:
            parse_windows(what_if.windows)
        except ValidationError as error:
            raise ValidationError({"windows": error.messages}) from error
        terms = replace(terms, windows=tuple(what_if.windows))
    if what_if.timezone is not None:
        try:
            validate_time_zone(what_if.timezone)
        except ValidationError as error:
            raise ValidationError({"timezone": error.messages}) from error
        terms = replace(terms, timezone=what_if.timezone)
    if what_if.senders is not None:
        terms = replace(terms, sender_ids=tuple(sorted(sender.pk for sender in what_if.senders)))
    return replace(terms, starts_at=what_if.starts_at)


def forecast(campaign: Campaign, terms: Terms | None = None) -> CampaignForecast:
    """The forecast of a campaign as it is, or on other `terms`. Changes nothing."""
    batch = campaign.batch
    zone = batch.timezone or campaign.organization.timezone
    empty = CampaignForecast(as_of=now().astimezone(ZoneInfo(zone)), timezone=zone)
    shown = replace(empty, starts_at=batch.started_at, ends_at=batch.finished_at)
    match campaign.status:
        case CampaignStatus.COMPLETED | CampaignStatus.CANCELLED:
            found = replace(shown, earliest=batch.finished_at, latest=batch.finished_at)
            if batch.finished_at is None:
                found = replace(found, limits=(Limit("cancelled", _("It was cancelled.")),))
        case CampaignStatus.FAILED:
            found = replace(empty, limits=(Limit("failed", campaign.error),))
        case _ if campaign.repeats:
            text = _("It is the pattern of campaigns that repeat: each of them has a forecast of its own.")
            found = replace(empty, limits=(Limit("repeats", text),))
        case CampaignStatus.SCHEDULED if campaign.frozen_at is None:
            text = _("The list is read when it starts.")
            found = replace(empty, starts_at=campaign.schedule.next_at, limits=(Limit("reading", text),))
        case CampaignStatus.READING:
            found = replace(empty, limits=(Limit("reading", _("The list is still being read.")),))
        case CampaignStatus.PAUSED if terms is None:
            found = replace(shown, limits=(Limit("paused", _paused(batch.status_reason)),))
        case _:
            found = _of_batch(campaign, terms or facts.terms_of(batch), empty)
    return _in_zone(found, ZoneInfo(zone))


def _paused(reason: str) -> str:
    return _("It is paused: %(reason)s") % {"reason": reason} if reason else _("It is paused. Resume it to go on.")


def _scheduled(organization: Organization) -> dict[int, datetime]:
    """When the batches of campaigns that start by themselves do so, as far as their people are known by now."""
    waiting = Schedule.objects.for_organization(organization).filter(kind=Schedule.Kind.ONCE, next_at__isnull=False)
    known = waiting.filter(campaign__frozen_at__isnull=False).values_list("campaign__batch_id", "next_at")
    return {batch_id: moment for batch_id, moment in known if moment is not None}


def _in_zone(found: CampaignForecast, zone: ZoneInfo) -> CampaignForecast:
    names = ("starts_at", "ends_at", "earliest", "latest")
    moments = {name: moment.astimezone(zone) for name in names if (moment := getattr(found, name)) is not None}
    return replace(found, **moments)


def _of_batch(campaign: Campaign, terms: Terms, empty: CampaignForecast) -> CampaignForecast:
    if terms.starts_at is None and campaign.status == CampaignStatus.SCHEDULED:
        terms = replace(terms, starts_at=campaign.schedule.next_at)
    known = facts.gather(campaign.batch, terms, _scheduled(campaign.organization))
    counted = replace(empty, messages=known.open, skips=round(known.pending * known.skipped_share))
    if not known.open:
        return replace(counted, limits=(Limit("nobody", _("There is nobody to send to.")),))
    found = answer.forecast(known)
    return replace(
        counted,
        starts_at=campaign.batch.started_at or found.starts_at,
        ends_at=found.ends_at,
        earliest=found.earliest,
        latest=found.latest,
        limits=tuple(_limits(found)),
    )


def recent(campaign: Campaign) -> CampaignForecast:
    """The forecast of a campaign as it is, at most some seconds old: however many people watch its page."""
    key = f"forecast:{campaign.pk}:{campaign.status}"
    found: CampaignForecast | None = cache.get(key)
    if found is None:
        found = forecast(campaign)
        cache.set(key, found, RECENT_SECONDS)
    return found


def sentence(found: CampaignForecast, *, has_started: bool) -> str:
    """The forecast in one sentence: “Starts Mon 09:00, ends Tue 14:20 (between 13:50 and 15:10).”"""
    if found.ends_at is None or found.earliest is None:
        return _("It cannot be said when it ends.")
    starts_at = max(found.as_of, found.starts_at or found.as_of)
    exact = found.ends_at - starts_at < SHOWN_TO_THE_SECOND
    starts_now = starts_at - found.as_of < NOW
    words = {
        "starts": _moment(starts_at, found.as_of, exact=exact),
        "ends": _ends(found.ends_at, starts_at, found.as_of, exact=exact),
        "between": _between(found.earliest, found.latest, found.ends_at, exact=exact),
    }
    if has_started:
        return _("Ends %(ends)s (%(between)s).") % words
    if starts_now:
        return _("Started now, it ends %(ends)s (%(between)s).") % words
    return _("Starts %(starts)s, ends %(ends)s (%(between)s).") % words


def _ends(ends_at: datetime, starts_at: datetime, as_of: datetime, *, exact: bool) -> str:
    """The day of the end is not said again where it begins on that day, later than now."""
    is_same_day = starts_at - as_of >= NOW and starts_at.date() == ends_at.date()
    return _moment(ends_at, ends_at if is_same_day else as_of, exact=exact, is_beside=is_same_day)


def _between(earliest: datetime, latest: datetime | None, ends_at: datetime, *, exact: bool) -> str:
    words = {"earliest": _moment(earliest, ends_at, exact=exact, is_beside=True)}
    if latest is None:
        return _("not before %(earliest)s") % words
    words["latest"] = _moment(latest, ends_at, exact=exact, is_beside=True)
    return _("between %(earliest)s and %(latest)s") % words


def _moment(moment: datetime, beside: datetime, *, exact: bool, is_beside: bool = False) -> str:
    """A moment as it stands beside another one: `today 14:20` on the same day, or `14:20` alone where the day stands
    there already; `Tue 14:20` within a week, `24 Nov 14:20` else."""
    time = date_format(moment, "H:i:s" if exact else "H:i")
    days = (moment.date() - beside.date()).days
    if days == 0:
        return time if is_beside else _("today %(time)s") % {"time": time}
    if abs(days) < 7:
        return f"{date_format(moment, 'D')} {time}"
    return date_format(moment, "j M" if moment.year == beside.year else "j M Y") + f" {time}"


# -- What holds it back, in words --


def _limits(found: answer.Forecast) -> list[Limit]:
    """The most binding first: by the senders' time that each cause takes."""
    known = found.facts
    if not known.pool:
        return [_no_sender(known)]
    limits = [*_never(found)]
    waited = {code: seconds for code, seconds in found.waited.items() if seconds > 0}
    length = (found.ends_at or known.now) - known.now
    if known.away:
        waited["senders_away"] = len(known.away) * length.total_seconds()
    total = sum(waited.values()) or 1.0
    for code, seconds in sorted(waited.items(), key=lambda item: -item[1]):
        share = seconds / total
        if share >= LEAST_SHARE or code == "senders_away":
            limits.append(Limit(code, _in_words(code, found), round(share, 3)))
    failing = likely_to_pause(known.failures.share, known.pending)
    if failing >= 0.05:
        limits.append(Limit("failures", _("So many messages fail that senders may pause themselves.")))
    return limits


def _never(found: answer.Forecast) -> list[Limit]:
    """Why it does not end within a year, if so."""
    if found.ends_at is not None:
        return []
    if found.starts_at is None:
        return [Limit("quota_zero", _("The quotas of its senders allow no message at all."))]
    return [Limit("too_long", _("At this pace it takes more than a year."))]


def _no_sender(known: Facts) -> Limit:
    if not known.away:
        return Limit("no_sender", _("No sender is chosen."))
    names = _listed([sender.name for sender in known.away])
    text = ngettext(
        "Its sender cannot send now: %(names)s. Connect it, or resume it if it is paused.",
        "None of its senders can send now: %(names)s. Connect them, or resume those that are paused.",
        len(known.away),
    )
    return Limit("no_sender", text % {"names": names})


def _in_words(code: str, found: answer.Forecast) -> str:
    known = found.facts
    match code:
        case "delay":
            return _("The pause of %(shortest)s to %(longest)s seconds between two messages of a sender.") % {
                "shortest": f"{known.terms.min_delay.total_seconds():g}",
                "longest": f"{known.terms.max_delay.total_seconds():g}",
            }
        case "quota_minute" | "quota_hour" | "quota_day":
            return _quota_in_words(code.removeprefix("quota_"), known)
        case "warm_up":
            return _warm_up_in_words(known)
        case "winner":
            return _("The test: the rest waits until its winner is known.")
        case "window":
            return _window_in_words(known)
        case "other_batches":
            return _others_in_words(known)
        case "senders_away":
            return _away_in_words(known)
        case "resting" | "health":
            return _unwell_in_words(code, known)
        case "hold":
            names = [each.pace.sender_id for each in known.pool if each.held_until]
            return _(
                "WhatsApp limits new chats of %(names)s: until then it writes only to people who wrote before."
            ) % {"names": _listed([known.names[each] for each in names])}
    return _("How fast the machine sends: neither a pause nor a quota is set.")


def _quota_in_words(period: str, known: Facts) -> str:
    quotas = sorted({quota for each in known.pool if (quota := _quota(each, period)) is not None})
    numbers = {"least": number_format(quotas[0], use_l10n=True), "most": number_format(quotas[-1], use_l10n=True)}
    same = {
        "minute": _("The quota of a sender: %(most)s messages a minute."),
        "hour": _("The quota of a sender: %(most)s messages an hour."),
        "day": _("The quota of a sender: %(most)s messages a day."),
    }
    several = {
        "minute": _("The quotas of its senders: %(least)s to %(most)s messages a minute each."),
        "hour": _("The quotas of its senders: %(least)s to %(most)s messages an hour each."),
        "day": _("The quotas of its senders: %(least)s to %(most)s messages a day each."),
    }
    return (same if len(quotas) == 1 else several)[period] % numbers


def _quota(outlook: SenderOutlook, period: str) -> int | None:
    return outlook.quotas_of_days[-1] if period == "day" else outlook.pace.quotas[period]


def _warm_up_in_words(known: Facts) -> str:
    young = [each for each in known.pool if each.quotas_of_days[0] != each.quotas_of_days[-1]]
    today = sum(each.quotas_of_days[0] or 0 for each in young)
    text = ngettext(
        "%(names)s warms up: %(today)s messages today, half as many more on each following day.",
        "%(names)s warm up: %(today)s messages today in all, half as many more on each following day.",
        len(young),
    )
    return text % {
        "names": _listed([known.names[each.pace.sender_id] for each in young]),
        "today": number_format(today, use_l10n=True),
    }


def _window_in_words(known: Facts) -> str:
    if known.terms.starts_at is not None and not known.terms.windows:
        return _("It starts later.")
    if known.terms.recipient_time:
        return _("The sending hours, in each recipient's own time.")
    zone = known.terms.timezone or known.organization.timezone
    return _("The sending hours: outside of them nothing leaves (%(zone)s).") % {"zone": zone}


def _others_in_words(known: Facts) -> str:
    text = ngettext(
        "Its senders also serve %(number)s other batch, with %(messages)s messages still to send.",
        "Its senders also serve %(number)s other batches, with %(messages)s messages still to send.",
        len(known.others),
    )
    messages = number_format(sum(known.others.values()), use_l10n=True)
    return text % {"number": len(known.others), "messages": messages}


def _away_in_words(known: Facts) -> str:
    away, pool = len(known.away), len(known.away) + len(known.pool)
    return _("%(away)s of %(pool)s senders cannot send now and are not counted on: %(names)s.") % {
        "away": away,
        "pool": pool,
        "names": _listed([sender.name for sender in known.away]),
    }


def _unwell_in_words(code: str, known: Facts) -> str:
    resting = [each for each in known.pool if each.away == code]
    if not resting:
        share = number_format(100 * known.failures.share, decimal_pos=1, use_l10n=True)
        return _("Failures slow the senders down: %(share)s %% of the latest attempts failed.") % {"share": share}
    until = max(each.available_from for each in resting).astimezone(ZoneInfo(known.organization.timezone))
    text = ngettext(
        "%(names)s rests after failures until %(until)s.",
        "%(names)s rest after failures, the last until %(until)s.",
        len(resting),
    )
    names = _listed([known.names[each.pace.sender_id] for each in resting])
    return text % {"names": names, "until": date_format(until, "H:i")}


def _listed(names: list[str]) -> str:
    if len(names) <= NAMED:
        return ", ".join(names)
    rest = len(names) - NAMED
    return ngettext("%(names)s and %(rest)s other", "%(names)s and %(rest)s others", rest) % {
        "names": ", ".join(names[:NAMED]),
        "rest": rest,
    }
