"""What people see when something is not there, not allowed, or broken. Programs get the same as JSON."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRefresh

from accounts.middleware import sign_in_first


def _is_for_programs(request: HttpRequest) -> bool:
    return request.path.startswith("/api/")


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_for_programs(request):
        return JsonResponse({"detail": _("The request cannot be understood.")}, status=400)
    return render(request, "400.html", status=400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_for_programs(request):
        return JsonResponse({"detail": _("This is not allowed.")}, status=403)
    return render(request, "403.html", status=403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if _is_for_programs(request):
        return JsonResponse({"detail": _("There is nothing at this address.")}, status=404)
    return render(request, "404.html", status=404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Relies on as little as possible: the database may be what is broken."""
    if _is_for_programs(request):
        return JsonResponse({"detail": _("Something went wrong on our side.")}, status=500)
    return render(request, "500.html", status=500)


def csrf_failure(request: Any, reason: str = "") -> HttpResponse:
    """Nearly always a form that was open while the session ended, or while the person signed in again elsewhere."""
    if not request.user.is_authenticated:
        if request.htmx:
            return sign_in_first(request)
    elif request.htmx:
        messages.warning(request, _("This page was out of date. Nothing was changed; try again."))
        return HttpResponseClientRefresh()
    return render(request, "accounts/csrf_failure.html", {"back": request.path}, status=403)
