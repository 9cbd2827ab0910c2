"""The settings of an organization: its name and looks, its members, its API keys."""

from copy import copy

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import queries, services, tasks
from accounts.forms import ApiKeyForm, InvitationForm, OrganizationForm, RoleForm, role_choices
from accounts.permissions import requires
from accounts.requests import OrganizationRequest


@requires("organization.manage")
@require_http_methods(["GET", "POST"])
def organization_settings(request: OrganizationRequest, organization: str) -> HttpResponse:
    # The form writes into its instance while it validates: a copy, so that a refused name is not shown all around.
    form = OrganizationForm(request.POST or None, instance=copy(request.organization))
    if request.method == "POST" and form.is_valid():
        changes = {name: form.cleaned_data[name] for name in OrganizationForm.Meta.fields}
        services.change_organization(organization=request.organization, by=request.user, **changes)
        messages.success(request, _("The settings are saved."))
        return redirect("organization:settings", organization)
    return render(request, "accounts/settings.html", {"form": form}, status=422 if form.is_bound else 200)


# -- Members --


@requires("organization.view")
@require_GET
def members(request: OrganizationRequest, organization: str) -> HttpResponse:
    context = {
        "members": queries.members_of(request.organization),
        "roles": role_choices(request.membership),
    }
    return render(request, "accounts/members.html", context)


@requires("organization.manage")
@require_http_methods(["GET", "POST"])
def invite(request: OrganizationRequest, organization: str) -> HttpResponse:
    form = InvitationForm(request.POST or None, acting=request.membership)
    if request.method == "POST" and form.is_valid():
        try:
            membership = services.invite_member(
                organization=request.organization, by=request.user, **form.cleaned_data
            )
        except ValidationError as error:
            form.add_error("email", error)
        else:
            tasks.send_invitation.delay_on_commit(membership.pk, request.user.pk)
            messages.success(request, _("%(email)s is invited.") % {"email": membership.user.email})
            return redirect("organization:members", organization)
    return render(request, "accounts/invite.html", {"form": form}, status=422 if form.is_bound else 200)


@requires("organization.manage")
@require_POST
def change_role(request: OrganizationRequest, organization: str, membership_id: int) -> HttpResponse:
    membership = get_object_or_404(queries.members_of(request.organization), pk=membership_id)
    form = RoleForm(request.POST)
    if form.is_valid():
        try:
            services.change_role(membership=membership, role=form.cleaned_data["role"], by=request.user)
        except ValidationError as error:
            messages.error(request, " ".join(error.messages))
        else:
            messages.success(request, _("The role of %(person)s is changed.") % {"person": membership.user})
    else:
        messages.error(request, _("There is no such role."))
    return redirect("organization:members", organization)


@requires("organization.manage")
@require_POST
def remove_member(request: OrganizationRequest, organization: str, membership_id: int) -> HttpResponse:
    membership = get_object_or_404(queries.members_of(request.organization), pk=membership_id)
    try:
        services.remove_member(membership=membership, by=request.user)
    except ValidationError as error:
        messages.error(request, " ".join(error.messages))
        return redirect("organization:members", organization)
    if membership.user == request.user:
        return redirect("start")
    messages.success(
        request,
        _("%(person)s is no longer a member of %(organization)s.")
        % {"person": membership.user, "organization": request.organization},
    )
    return redirect("organization:members", organization)


# -- API keys --


@requires("organization.manage")
@require_GET
def api_keys(request: OrganizationRequest, organization: str) -> HttpResponse:
    return render(request, "accounts/api_keys.html", {"keys": queries.api_keys_of(request.organization)})


@never_cache
@requires("organization.manage")
@require_http_methods(["GET", "POST"])
def new_api_key(request: OrganizationRequest, organization: str) -> HttpResponse:
    """The key is in the answer to this very request and is kept nowhere, not even for a redirect."""
    form = ApiKeyForm(request.POST or None, organization=request.organization, by=request.user)
    if request.method == "POST" and form.is_valid():
        key, plain = services.create_api_key(
            organization=request.organization,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            expires_at=form.expires_at(),
            by=request.user,
        )
        return render(request, "accounts/api_key_created.html", {"key": key, "plain": plain})
    return render(request, "accounts/api_key_new.html", {"form": form}, status=422 if form.is_bound else 200)


@requires("organization.manage")
@require_POST
def revoke_api_key(request: OrganizationRequest, organization: str, key_id: int) -> HttpResponse:
    key = get_object_or_404(queries.api_keys_of(request.organization), pk=key_id)
    services.revoke_api_key(key=key, by=request.user)
    messages.success(request, _("The key “%(name)s” is revoked.") % {"name": key.name})
    return redirect("organization:api_keys", organization)
