"""The page of words and texts with which people leave and return."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from contacts import opt_out_settings, queries
from contacts.blocklist_forms import OptOutForm
from contacts.opt_out_words import LONGEST_MESSAGE, Words, as_set, read_words


@requires("contacts.manage")
@require_http_methods(["GET", "POST"])
def settings(request: OrganizationRequest, organization: str) -> HttpResponse:
    present = queries.settings_of(request.organization)
    form = OptOutForm(request.POST if request.method == "POST" else None, settings=present)
    if form.is_valid():
        try:
            opt_out_settings.change(organization=request.organization, by=request.user, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, _("Saved. It holds from the next message that arrives."))
            return redirect("contacts:opt_outs", organization)
    context = {
        "form": form,
        "has_own_words": present.opt_out_words is not None or present.opt_in_words is not None,
    }
    return render(request, "contacts/opt_outs.html", context, status=422 if form.errors else 200)


@requires("contacts.manage")
@require_POST
def reset(request: OrganizationRequest, organization: str) -> HttpResponse:
    opt_out_settings.reset_words(organization=request.organization, by=request.user)
    messages.success(request, _("The usual words count again."))
    return redirect("contacts:opt_outs", organization)


@requires("contacts.manage")
@require_POST
def preview(request: OrganizationRequest, organization: str) -> HttpResponse:
    """What a message would do by the words as they stand in the form, saved or not."""
    words = Words(*(as_set(read_words(request.POST.get(name, ""))) for name in ("opt_out_words", "opt_in_words")))
    text = request.POST.get("message", "")
    meaning = words.meaning_of(text[: LONGEST_MESSAGE + 1])
    return render(request, "contacts/opt_out_preview.html", {"meaning": meaning or "", "asked": bool(text.strip())})
