"""Pages of bulk sends, and of one batch of a broadcast or a bulk send: how far it is, and what became of everybody."""

import secrets
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.permissions import capabilities_of, requires
from accounts.requests import OrganizationRequest
from broadcasts import approval, services
from broadcasts.forms import BulkForm
from broadcasts.models import BulkSend
from broadcasts.pages_lists import show
from contacts.segments.trees import InvalidFilter
from messaging import batch_changes, progress, tasks, waves
from messaging.log import STATUSES
from messaging.models import Batch, Message
from messaging.recipients import TEXT_VARIABLE
from messaging.sends import InvalidPlan, SendPlan
from messaging.services import NotAllowed
from messaging.template_text import braced

VIEW, MANAGE = "messages.view", "messages.manage"
SENDS_A_PAGE = 20
RESULTS_A_PAGE = 50


@never_cache
@requires(VIEW)
@require_GET
def bulk_sends(request: OrganizationRequest, organization: str) -> HttpResponse:
    mine = BulkSend.objects.for_organization(request.organization).prefetch_related("batches")
    page = Paginator(mine, SENDS_A_PAGE).get_page(request.GET.get("page"))
    figures = progress.snapshots(batch for each in page for batch in each.batches.all())
    rows = [
        (each, [(batch, figures[batch.pk]) for batch in sorted(each.batches.all(), key=lambda row: row.pk)])
        for each in page
    ]
    return render(request, "broadcasts/bulk_sends.html", {"page": page, "rows": rows})


@requires(MANAGE)
@require_http_methods(["GET", "POST"])
def new_bulk(request: OrganizationRequest, organization: str) -> HttpResponse:
    connected = services.senders_of(request.organization, connected=True)
    initial = {"senders": [sender.pk for sender in connected], "key": secrets.token_hex(12)}
    form = BulkForm(request.POST or None, organization=request.organization, initial=initial)
    if form.is_valid() and (batch := _send(request, form)) is not None:
        return redirect("broadcasts:batch", organization, batch.pk)
    context = {"form": form, "has_senders": services.senders_of(request.organization)}
    return render(request, "broadcasts/bulk_new.html", context, status=422 if form.is_bound else 200)


def _send(request: OrganizationRequest, form: BulkForm) -> Batch | None:
    """The batch that was made, or None where the form says what is wrong."""
    given = form.cleaned_data
    try:
        approval.require(request.organization, capabilities_of(request.membership))
        numbers, problems = form.people()
        shortest, longest = form.delays()
        asked = [(number, "") for number in [*numbers, *problems]]
        _made, batches = services.send_bulk(
            organization=request.organization,
            people=services.recipients(request.organization, asked),
            plan=SendPlan(
                senders=list(given["senders"]), min_delay_ms=shortest, max_delay_ms=longest, **form.content()
            ),
            name=given["name"],
            repeat=given["way"] == BulkSend.Way.REPEATED,
            idempotency_key=f"page:{given['key']}",
            by=request.user,
        )
    except InvalidFilter as error:
        form.add_error("segment", error.messages)
    except InvalidPlan as error:
        show(form, {"numbers" if name == "to" else name: texts for name, texts in error.errors.items()})
    except NotAllowed as error:
        form.add_error(None, str(error))
    else:
        tasks.plan.delay_on_commit()
        if len(batches) > 1:
            text = ngettext(
                "%(n)s batch is on its way.", "%(n)s batches are on their way, one a sender.", len(batches)
            )
            messages.success(request, text % {"n": len(batches)})
        return batches[0]
    return None


# -- One batch --


def _find(request: OrganizationRequest, batch_id: int) -> Batch:
    """Campaigns have pages of their own."""
    mine = Batch.objects.for_organization(request.organization).exclude(origin=Batch.Origin.CAMPAIGN)
    return get_object_or_404(mine.select_related("media"), pk=batch_id)


def _shown(request: OrganizationRequest, batch: Batch) -> dict[str, Any]:
    state = progress.snapshot(batch)
    wanted = request.GET.get("status", "")
    found = Message.objects.filter(batch=batch).select_related("sender").order_by("pk")
    if wanted in STATUSES:
        found = found.filter(status=STATUSES[wanted])
    after = request.GET.get("after", "")
    is_first = not (after.isdecimal() and len(after) < 18)
    if not is_first:
        found = found.filter(pk__gt=int(after))
    page = list(found[: RESULTS_A_PAGE + 1])
    bulk = BulkSend.objects.filter(batches=batch).prefetch_related("batches").first()
    broadcast = getattr(batch, "broadcast", None)
    return {
        "batch": batch,
        "state": state,
        "groups": waves.states_of(batch),
        "results": page[:RESULTS_A_PAGE],
        "next": page[RESULTS_A_PAGE - 1].pk if len(page) > RESULTS_A_PAGE else None,
        "is_first": is_first,
        "wanted": wanted if wanted in STATUSES else "",
        "statuses": [(name, _number(state, name)) for name in STATUSES if _number(state, name)],
        "has_own_texts": batch.text == braced(TEXT_VARIABLE),
        "senders": list(batch.senders.all()),
        "broadcast": broadcast,
        "bulk": bulk,
        "others": [each for each in bulk.batches.all() if each.pk != batch.pk] if bulk else [],
        "name": broadcast.list_name if broadcast else str(bulk or batch),
    }


def _number(state: dict[str, Any], name: str) -> int:
    if name == "skipped":
        return int(state["skipped"])
    return int(state["counts"].get(name, 0))


@never_cache
@requires(VIEW)
@require_GET
def batch(request: OrganizationRequest, organization: str, batch_id: int) -> HttpResponse:
    return render(request, "broadcasts/batch.html", _shown(request, _find(request, batch_id)))


@never_cache
@requires(VIEW)
@require_GET
def batch_live(request: OrganizationRequest, organization: str, batch_id: int) -> HttpResponse:
    """The part of the page that changes."""
    return render(request, "broadcasts/batch_live.html", _shown(request, _find(request, batch_id)))


@requires(MANAGE)
@require_POST
def change_batch(request: OrganizationRequest, organization: str, batch_id: int) -> HttpResponse:
    found, what = _find(request, batch_id), request.POST.get("what", "")
    done = {
        batch_changes.PAUSED: _("Paused. Nothing more is sent."),
        batch_changes.RESUMED: _("Sending goes on."),
        batch_changes.CANCELLED: _("Cancelled. Nobody else gets the message."),
    }
    if what in done:
        try:
            batch_changes.change(found, what, by=request.user)
        except NotAllowed as error:
            messages.error(request, str(error))
        else:
            tasks.plan.delay_on_commit()
            messages.success(request, done[what])
    return redirect("broadcasts:batch", organization, batch_id)
