"""Who may do what: capabilities, the roles that hold them, and the two gates that ask (pages and API).

A capability is `<area>.view` or `<area>.manage`, or names one thing that only some may do. A membership holds those of its role; an API key holds those in
its scopes, which are the same words.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.utils.translation import gettext_lazy as _
from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from accounts.models import ApiKey, Membership, Role

AREAS: Final = ("campaigns", "senders", "contacts", "messages", "workers", "organization")

CAPABILITIES: Final[dict[str, Any]] = {
    "campaigns.view": _("See campaigns and their figures"),
    "campaigns.manage": _("Create, start, pause and cancel campaigns"),
    "campaigns.approve": _("Approve campaigns, where the organization demands that"),
    "senders.view": _("See senders and their state"),
    "senders.manage": _("Add, connect and delete senders"),
    "contacts.view": _("See contacts, lists and the blocklist"),
    "contacts.manage": _("Import, change and block contacts"),
    "messages.view": _("See messages"),
    "messages.manage": _("Send messages"),
    "workers.view": _("See the workers of the session service"),
    "workers.manage": _("Drain workers of the session service"),
    "organization.view": _("See the organization and its members"),
    "organization.manage": _("Change settings, members and API keys"),
}

# These concern every organization of the installation, so that no role in one of them holds them: see `Membership`.
INSTALLATION_WIDE: Final = frozenset({"workers.manage"})

_VIEW: Final = frozenset(capability for capability in CAPABILITIES if capability.endswith(".view"))
_ALL: Final = frozenset(CAPABILITIES) - INSTALLATION_WIDE

ROLE_CAPABILITIES: Final[dict[str, frozenset[str]]] = {
    Role.OWNER: _ALL,
    Role.ADMIN: _ALL,  # the difference: only owners make or remove owners (accounts.services)
    Role.MARKETER: _VIEW | {"campaigns.manage", "contacts.manage", "messages.manage"},
    Role.AGENT: _VIEW | {"messages.manage"},
    Role.VIEWER: _VIEW,
}

# What watching a live topic takes. Topics are named `<kind>.<id>`.
TOPIC_CAPABILITIES: Final = {
    "batch": "campaigns.view",
    "sender": "senders.view",
    "linking": "senders.manage",  # whoever has the code can link a phone
    "import": "contacts.view",
}


def capabilities_of(holder: Membership | ApiKey | None) -> frozenset[str]:
    if holder is None:
        return frozenset()
    if isinstance(holder, ApiKey):
        return frozenset(holder.scopes) & frozenset(CAPABILITIES)
    held = ROLE_CAPABILITIES.get(holder.role, frozenset())
    return held | INSTALLATION_WIDE if holder.runs_the_installation else held


def capability_for_topic(topic: str) -> str | None:
    """The capability that watching `topic` takes; None where there is no such kind of topic."""
    kind, dot, number = topic.partition(".")
    return TOPIC_CAPABILITIES.get(kind) if dot and number.isascii() and number.isdigit() else None


def requires(capability: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A page under `/o/<organization>` that takes a capability; without it the 403 page comes."""
    if capability not in CAPABILITIES:
        raise ValueError(f"There is no capability {capability!r}.")

    def decorate(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if capability not in capabilities_of(getattr(request, "membership", None)):
                raise PermissionDenied(capability)
            return view(request, *args, **kwargs)

        return guarded

    return decorate


class HasCapability(BasePermission):
    """Asks for the capability that a view declares, and refuses where it declares none.

    A view says `capability = {"GET": "campaigns.view", "POST": "campaigns.manage"}`; the names of a viewset's
    actions (`"start"`) may stand there too and win over the method.
    """

    message = _("Your role or the scopes of your API key do not allow this.")

    def has_permission(self, request: Request, view: Any) -> bool:
        holder = request.auth if isinstance(request.auth, ApiKey | Membership) else None
        method = "GET" if request.method in ("HEAD", "OPTIONS") else str(request.method)
        if not hasattr(view, method.lower()):
            return holder is not None  # nothing can happen: the answer is "method not allowed"
        declared: dict[str, str] = getattr(view, "capability", {})
        needed = declared.get(getattr(view, "action", None) or "") or declared.get(method)
        return needed is not None and needed in capabilities_of(holder)


class IsIdentified(BasePermission):
    """Any valid API key or member; for views that ask for a capability themselves once they know which."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.auth, ApiKey | Membership)
