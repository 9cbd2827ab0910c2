"""System checks: every command refuses to run on settings that cannot work, and names the variable to mend."""

from collections.abc import Sequence
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.http.request import validate_host

SHORTEST_SECRET_KEY = 50


@register
def environment_is_readable(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """One error for each environment variable that could not be used."""
    return [
        Error(f"{problem.name} {problem.message}", hint=problem.hint, id=f"environment.{problem.name}")
        for problem in settings.ENVIRONMENT.problems
    ]


@register
def settings_are_sound(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    """Values that can be read, but would not work or not be safe."""
    found: list[CheckMessage] = []
    if settings.DATABASES["default"]["ENGINE"] != "django.db.backends.postgresql":
        found.append(Error("The database must be PostgreSQL.", id="environment.DATABASE_URL"))
    if len(settings.SECRET_KEY) < SHORTEST_SECRET_KEY and not settings.DEBUG:
        hint = f"Set {SHORTEST_SECRET_KEY} or more random characters."
        found.append(Error("SECRET_KEY is too short to be safe.", hint=hint, id="environment.SECRET_KEY"))
    if not settings.DEBUG and not settings.BASE_URL.startswith("https://") and not _is_loopback(settings.BASE_URL):
        hint = "Serve the pages over https:// and set BASE_URL to that address."
        found.append(checks.Warning("BASE_URL is not encrypted.", hint=hint, id="environment.BASE_URL"))
    if not validate_host(_host(settings.BASE_URL), settings.ALLOWED_HOSTS):
        hint = f"Add {_host(settings.BASE_URL)} to ALLOWED_HOSTS, or every page answers 400."
        found.append(checks.Warning("BASE_URL is not among ALLOWED_HOSTS.", hint=hint, id="environment.ALLOWED_HOSTS"))
    return [*found, *_storage_problems()]


def _storage_problems() -> list[CheckMessage]:
    if not settings.STORAGE_BUCKET:
        return []
    options: dict[str, Any] = settings.STORAGES["default"]["OPTIONS"]  # type: ignore[assignment]
    given = [bool(options["access_key"]), bool(options["secret_key"])]
    hint = "Set STORAGE_ACCESS_KEY and STORAGE_SECRET_KEY, or empty STORAGE_BUCKET to keep files on disk."
    if any(given) and not all(given):
        return [Error("Only half of the storage credentials is set.", hint=hint, id="environment.STORAGE_BUCKET")]
    if not any(given):
        text = "STORAGE_BUCKET has no credentials; that works only on a machine whose role grants access."
        return [checks.Warning(text, hint=hint, id="environment.STORAGE_BUCKET")]
    return []


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


def _is_loopback(url: str) -> bool:
    host = _host(url)
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
