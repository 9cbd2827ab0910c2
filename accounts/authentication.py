"""How an API request says who it is: by the header `X-Api-Key`, or by the session of a page of this site.

Both set `request.organization`, the tenant of everything that follows; `request.auth` is the `ApiKey` or the
`Membership`, which `accounts.permissions.HasCapability` asks.
"""

from datetime import timedelta

from django.contrib.auth.models import AnonymousUser
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotFound
from rest_framework.request import Request

from accounts import queries
from accounts.models import ApiKey, Membership, Organization, User

HEADER = "X-Api-Key"
ORGANIZATION_HEADER = "X-Organization"
NOTED_AT_MOST_EVERY = timedelta(minutes=1)


class ApiKeyAuthentication(BaseAuthentication):
    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey] | None:
        plain = request.headers.get(HEADER, "").strip()
        if not plain:
            return None
        key = queries.find_api_key(plain)
        if key is None:
            raise AuthenticationFailed(_("There is no such API key. Check the header X-Api-Key."))
        if key.revoked_at is not None:
            raise AuthenticationFailed(_("This API key was revoked. Create a new one in the settings."))
        if not key.is_usable:
            raise AuthenticationFailed(_("This API key has expired. Create a new one in the settings."))
        _note_use(key)
        _belongs_to(request, key.organization)
        return AnonymousUser(), key

    def authenticate_header(self, request: Request) -> str:
        return f'ApiKey header="{HEADER}"'


class PageSessionAuthentication(SessionAuthentication):
    """Scripts of our own pages: the session cookie with the CSRF token.

    The organization is the one in the header X-Organization, else the one whose page was opened last.
    """

    def authenticate(self, request: Request) -> tuple[User, Membership] | None:
        signed_in = super().authenticate(request)
        if signed_in is None:
            return None
        user = signed_in[0]
        membership = self._membership(request, user)
        if membership is None:
            raise NotFound(_("There is no such organization."))
        _belongs_to(request, membership.organization)
        return user, membership

    @staticmethod
    def _membership(request: Request, user: User) -> Membership | None:
        slug = request.headers.get(ORGANIZATION_HEADER) or request.session.get("organization")
        return queries.membership_of(user, slug) if slug else queries.memberships_of(user).first()


def _belongs_to(request: Request, organization: Organization) -> None:
    request._request.organization = organization  # type: ignore[attr-defined]  # DRF's request hands it on


def _note_use(key: ApiKey) -> None:
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at <= now - NOTED_AT_MOST_EVERY:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)
