"""The admin's map: the sidebar, the first page made of the same entries, and its way through the product's sign-in."""

from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Text = str | Promise


@dataclass(frozen=True)
class Entry:
    """A list of the admin. `icon` is a name of Material Symbols; `about` is one sentence for people."""

    model: str
    icon: str
    about: Text


@dataclass(frozen=True)
class Section:
    title: Text
    entries: tuple[Entry, ...]
    is_collapsible: bool = False


SECTIONS = (
    Section(
        gettext_lazy("Sending"),
        (
            Entry("campaigns.Campaign", "campaign", gettext_lazy("Start, pause and follow what is sent to a list.")),
            Entry(
                "messaging.MessageTemplate", "draft", gettext_lazy("Texts that are used again, with their versions.")
            ),
            Entry("campaigns.Schedule", "event_repeat", gettext_lazy("When campaigns start by themselves.")),
            Entry("campaigns.CampaignChange", "history", gettext_lazy("Who did what with which campaign.")),
            Entry("campaigns.Occurrence", "event_available", gettext_lazy("Each due time, and what came of it.")),
            Entry("campaigns.CampaignReport", "bar_chart", gettext_lazy("What campaigns came to, as last counted.")),
            Entry(
                "campaigns.Rehearsal", "theater_comedy", gettext_lazy("Campaigns played against a simulated network.")
            ),
            Entry("broadcasts.BroadcastList", "cell_tower", gettext_lazy("People who are sent to group by group.")),
            Entry("broadcasts.Broadcast", "podcasts", gettext_lazy("What was sent to broadcast lists.")),
            Entry("broadcasts.BulkSend", "bolt", gettext_lazy("Many messages that were asked for at once.")),
            Entry("broadcasts.Reminder", "alarm", gettext_lazy("Messages to one person, again and again.")),
            Entry("messaging.LibraryFile", "perm_media", gettext_lazy("Files that are kept to be sent again.")),
            Entry("messaging.Message", "chat", gettext_lazy("Every message, with its way from import to read.")),
            Entry("messaging.Media", "attach_file", gettext_lazy("Files that messages brought, out and in.")),
            Entry("messaging.Group", "forum", gettext_lazy("WhatsApp groups that the senders are in.")),
            Entry("messaging.Batch", "stacks", gettext_lazy("The messages of one campaign, their text and pace.")),
        ),
    ),
    Section(
        gettext_lazy("Senders"),
        (
            Entry("senders.Sender", "smartphone", gettext_lazy("The WhatsApp numbers that messages go out from.")),
            Entry("senders.NumberCheck", "person_search", gettext_lazy("Numbers that WhatsApp was asked about.")),
            Entry("senders.SenderUsage", "speed", gettext_lazy("What each sender used of its limits.")),
        ),
    ),
    Section(
        gettext_lazy("People"),
        (
            Entry("contacts.Contact", "person", gettext_lazy("Everybody with a phone number, and what is known.")),
            Entry("contacts.ContactList", "groups", gettext_lazy("Named sets of contacts.")),
            Entry("contacts.Segment", "filter_alt", gettext_lazy("Saved filters over people.")),
            Entry("contacts.AttributeDefinition", "label", gettext_lazy("What is known of contacts, and its type.")),
            Entry("contacts.BlocklistEntry", "block", gettext_lazy("Numbers that are never messaged, and why.")),
            Entry(
                "contacts.OptOutEvent", "unsubscribe", gettext_lazy("How people left and returned, with the proof.")
            ),
            Entry("contacts.Consent", "thumb_up", gettext_lazy("Who agreed to be messaged, and who took it back.")),
            Entry("contacts.Erasure", "person_remove", gettext_lazy("People who were erased, and how far that is.")),
            Entry("contacts.ContactSettings", "tune", gettext_lazy("Words and texts for leaving and returning.")),
            Entry("contacts.ListImport", "upload_file", gettext_lazy("Uploaded sheets and how they were read.")),
        ),
    ),
    Section(
        gettext_lazy("Organization"),
        (
            Entry("accounts.Organization", "apartment", gettext_lazy("Name, time zone and default phone region.")),
            Entry("accounts.Membership", "badge", gettext_lazy("Who belongs to it, and in which role.")),
            Entry("accounts.ApiKey", "key", gettext_lazy("Keys for programs that send by themselves.")),
            Entry("accounts.AuditEntry", "history", gettext_lazy("Who did what, and when.")),
        ),
    ),
    Section(
        gettext_lazy("For support"),
        (
            Entry(
                "contacts.ImportedRow", "table_rows", gettext_lazy("Rows of uploaded sheets as they were understood.")
            ),
            Entry("contacts.ImportChange", "undo", gettext_lazy("What imports changed, to undo it by.")),
            Entry("contacts.ContactListMember", "group_add", gettext_lazy("Which contact is on which list.")),
            Entry("contacts.ContactEvent", "timeline", gettext_lazy("What happened to contacts, and who did it.")),
            Entry("contacts.ContactMerge", "merge", gettext_lazy("Contacts that were made one.")),
            Entry("contacts.ConsentChange", "history", gettext_lazy("All that people said about being messaged.")),
            Entry("contacts.ErasedNumber", "fingerprint", gettext_lazy("Erased people who stay unreachable.")),
            Entry("contacts.OtherNumber", "contact_phone", gettext_lazy("Further numbers of contacts.")),
            Entry("messaging.TemplateVersion", "history_edu", gettext_lazy("What each template said at which time.")),
            Entry("messaging.BatchOptOut", "trending_down", gettext_lazy("After which campaign somebody opted out.")),
            Entry("messaging.BatchReply", "reply", gettext_lazy("Who answered which campaign.")),
            Entry("messaging.Variant", "alt_route", gettext_lazy("Texts of one campaign that are compared.")),
            Entry("messaging.Experiment", "science", gettext_lazy("How variants are compared, and which one won.")),
            Entry("messaging.Wave", "view_week", gettext_lazy("The groups of broadcasts, and when each went.")),
            Entry("broadcasts.BroadcastMember", "group_work", gettext_lazy("Who is in which group of which list.")),
            Entry("broadcasts.ReminderRun", "alarm_on", gettext_lazy("Each due time of reminders.")),
            Entry("messaging.Link", "link", gettext_lazy("Where short links lead.")),
            Entry("messaging.Click", "ads_click", gettext_lazy("Who followed a short link, people and bots.")),
            Entry("messaging.BatchCount", "tag", gettext_lazy("The counters behind the figures of batches.")),
            Entry("session_service.SessionLease", "lock", gettext_lazy("Which worker holds the session of a sender.")),
            Entry("session_service.AuthCredentials", "key", gettext_lazy("Which senders are linked to a phone.")),
        ),
        is_collapsible=True,
    ),
    Section(
        gettext_lazy("Installation"),
        (
            Entry("accounts.User", "manage_accounts", gettext_lazy("Accounts of people, in all organizations.")),
            Entry("session_service.SessionWorker", "memory", gettext_lazy("Processes that hold sessions.")),
            Entry("django_celery_beat.PeriodicTask", "schedule", gettext_lazy("What runs by itself, and how often.")),
            Entry("django_celery_beat.IntervalSchedule", "timer", gettext_lazy("Schedules such as every 30 seconds.")),
            Entry(
                "django_celery_beat.CrontabSchedule", "event_repeat", gettext_lazy("Schedules such as daily at two.")
            ),
            Entry("django_celery_beat.ClockedSchedule", "alarm", gettext_lazy("Schedules that happen once.")),
            Entry("django_celery_beat.SolarSchedule", "wb_sunny", gettext_lazy("Schedules by sunrise and sunset.")),
        ),
        is_collapsible=True,
    ),
)


def sections_for(request: HttpRequest) -> list[dict[str, Any]]:
    """The sections with what this person may see."""
    shown = []
    for section in SECTIONS:
        entries = [_entry(each) for each in section.entries if _may_see(request, each)]
        if entries:
            shown.append({"title": section.title, "entries": entries, "is_collapsible": section.is_collapsible})
    return shown


def _may_see(request: HttpRequest, entry: Entry) -> bool:
    return bool(admin.site.get_model_admin(apps.get_model(entry.model)).has_module_permission(request))


def _entry(entry: Entry) -> dict[str, Any]:
    options = apps.get_model(entry.model)._meta
    return {
        "title": capfirst(str(options.verbose_name_plural)),
        "link": reverse(f"admin:{options.app_label}_{options.model_name}_changelist"),
        "icon": entry.icon,
        "about": entry.about,
    }


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """unfold's SIDEBAR["navigation"]."""
    overview = {"title": _("Overview"), "icon": "home", "link": reverse("admin:index")}
    product = {"title": _("Back to the product"), "icon": "arrow_back", "link": reverse("start"), "active": False}
    groups = [
        {"title": section["title"], "collapsible": section["is_collapsible"], "items": section["entries"]}
        for section in sections_for(request)
    ]
    return [{"items": [overview, product]}, *groups]


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """unfold's DASHBOARD_CALLBACK: what the first page shows."""
    return {**context, "title": _("Overview"), "sections": sections_for(request)}


def sign_in(request: Any, extra_context: dict[str, Any] | None = None) -> HttpResponse:
    """The product's own sign-in page: it counts wrong passwords. Who is signed in and still here is no staff."""
    if request.user.is_authenticated and not admin.site.has_permission(request):
        raise PermissionDenied
    after = request.GET.get("next") or reverse("admin:index")
    return redirect_to_login(after, resolve_url(settings.LOGIN_URL))
