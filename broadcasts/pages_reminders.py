"""Pages of reminders."""

from collections.abc import Callable

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db.models import Prefetch
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from broadcasts import reminders
from broadcasts.forms import ReminderForm
from broadcasts.models import Reminder, ReminderRun
from broadcasts.pages_lists import show
from contacts.phone_numbers import InvalidNumber, normalise
from messaging.services import NotAllowed

VIEW, MANAGE = "messages.view", "messages.manage"
REMINDERS_A_PAGE = 30


@never_cache
@requires(VIEW)
@require_GET
def reminder_list(request: OrganizationRequest, organization: str) -> HttpResponse:
    runs = Prefetch("runs", ReminderRun.objects.select_related("message").order_by("-at"))
    mine = Reminder.objects.for_organization(request.organization).select_related("sender", "file")
    page = Paginator(mine.prefetch_related(runs), REMINDERS_A_PAGE).get_page(request.GET.get("page"))
    rows = [(each, reminders.sentence(each), next(iter(each.runs.all()), None)) for each in page]
    return render(request, "broadcasts/reminders.html", {"page": page, "rows": rows})


@requires(MANAGE)
@require_http_methods(["GET", "POST"])
def new(request: OrganizationRequest, organization: str) -> HttpResponse:
    initial = {"to": request.GET.get("to", "")}
    form = ReminderForm(request.POST or None, organization=request.organization, initial=initial)
    if form.is_valid():
        given = form.cleaned_data
        try:
            reminders.create_reminder(
                organization=request.organization,
                phone_number=normalise(given.pop("to"), request.organization.default_region),
                by=request.user,
                **given,
            )
        except InvalidNumber as error:
            form.add_error("to", str(error))
        except ValidationError as error:
            show(form, error.message_dict)
        else:
            messages.success(request, _("The reminder is active."))
            return redirect("broadcasts:reminders", organization)
    return render(request, "broadcasts/reminder_new.html", {"form": form}, status=422 if form.is_bound else 200)


@requires(MANAGE)
@require_POST
def change(request: OrganizationRequest, organization: str, reminder_id: int) -> HttpResponse:
    found = get_object_or_404(Reminder.objects.for_organization(request.organization), pk=reminder_id)
    changes: dict[str, Callable[..., None]] = {
        "pause": reminders.pause_reminder,
        "resume": reminders.resume_reminder,
        "delete": reminders.delete_reminder,
    }
    if (change_it := changes.get(request.POST.get("what", ""))) is not None:
        try:
            change_it(reminder=found, by=request.user)
        except NotAllowed as error:
            messages.error(request, str(error))
        else:
            messages.success(request, _("Done."))
    return redirect("broadcasts:reminders", organization)
