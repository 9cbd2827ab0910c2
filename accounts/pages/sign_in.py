"""Signing in and out, forgotten passwords, and the way from `/` to the right place."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, logout
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render, resolve_url
from django.urls import reverse_lazy
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts import queries, tasks
from accounts.forms import ForgottenPasswordForm, SignInForm
from accounts.models import User
from accounts.rate_limits import Limit, address_of

RESET_MAILS = Limit(name="password_reset", tries=3, seconds=3600)  # for one mailbox
RESET_REQUESTS = Limit(name="password_reset_address", tries=30, seconds=3600)  # from one client


@require_GET
def start(request: Any) -> HttpResponse:
    """`/`: the organization that was open last, else the first one, else how to get one."""
    if not request.user.is_authenticated:
        return redirect(settings.LOGIN_URL)
    slugs = [membership.organization.slug for membership in queries.memberships_of(request.user)]
    if not slugs:
        return render(request, "accounts/no_organization.html")
    last = request.session.get("organization")
    return redirect("home", last if last in slugs else slugs[0])


@never_cache
@sensitive_post_parameters("password")
@require_http_methods(["GET", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    after = _safe_next(request)
    if request.user.is_authenticated:
        return redirect(after)
    form = SignInForm(request.POST or None, client_address=address_of(request))
    if request.method == "POST" and form.is_valid() and form.user is not None:
        login(request, form.user)
        return redirect(after)
    status = 422 if form.is_bound else 200
    return render(request, "accounts/sign_in.html", {"form": form, "next": after}, status=status)


def _safe_next(request: HttpRequest) -> str:
    """Where to go after signing in; never to another site, whatever the address says."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if is_ours else resolve_url(settings.LOGIN_REDIRECT_URL)


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    messages.success(request, _("You are signed out."))
    return redirect(settings.LOGOUT_REDIRECT_URL)


@require_http_methods(["GET", "POST"])
def forgotten_password(request: HttpRequest) -> HttpResponse:
    """The answer is the same whether or not there is such an account, and as fast: the mail leaves later."""
    form = ForgottenPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"]
        # Invited people without a password may use this as well: their invitation may be lost.
        user = User.objects.filter(email__iexact=email, is_active=True).first()
        is_allowed = not RESET_REQUESTS.take(address_of(request)) and not RESET_MAILS.take(email)
        if user is not None and is_allowed:
            tasks.send_password_reset.delay_on_commit(user.pk)
        return redirect("accounts:password_reset_done")
    status = 422 if form.is_bound else 200
    return render(request, "accounts/password_forgotten.html", {"form": form}, status=status)


@require_GET
def forgotten_password_sent(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/password_sent.html", {"hours": settings.PASSWORD_RESET_TIMEOUT // 3600})


class NewPassword(PasswordResetConfirmView):
    """The link of the mail. Django moves its token from the address into the session, out of logs and referrers."""

    template_name = "accounts/password_new.html"
    success_url = reverse_lazy("accounts:password_reset_complete")

    def form_invalid(self, form: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)


@require_GET
def password_changed(request: HttpRequest) -> HttpResponse:
    return render(request, "accounts/password_changed.html")
