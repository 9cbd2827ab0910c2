"""Environment variables: all are documented, and a bad one is named before anything runs."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

EXAMPLE = settings.BASE_DIR / ".env.example"
COMPOSE = settings.BASE_DIR / "docker-compose.yml"

BAD = {
    "ACK_TIMEOUT_SECONDS": "later",
    "ALLOWED_HOSTS": None,
    "API_KEY_REQUESTS_PER_MINUTE": "0",
    "AUTH_STATE_KEYS": "c2hvcnQ=",
    "BAILEYS_SESSIONS_A_PROCESS": "0",
    "BASE_URL": "example.com",
    "CSRF_TRUSTED_ORIGINS": "example.com",
    "DATABASE_URL": "mysql://localhost/x",
    "DATA_DIR": "/dev/null/data",
    "DEBUG": "perhaps",
    "DEFAULT_FROM_EMAIL": None,
    "EMAIL_HOST": None,
    "EMAIL_HOST_PASSWORD": None,
    "EMAIL_HOST_USER": None,
    "EMAIL_PORT": "70000",
    "EMAIL_USE_TLS": "2",
    "FETCH_ALLOWED_NETWORKS": "10.1.2.3/24",
    "FFMPEG": None,
    "LINK_BOT_NETWORKS": "157.240.0.1/16",
    "LANGUAGE_CODE": "tlh",
    "LOG_LEVEL": "LOUD",
    "MEDIA_MAX_BYTES": "0",
    "NUMBER_CHECKS_PER_DAY": "0",
    "NUMBER_CHECKS_PER_MINUTE": "1000",
    "NUMBER_CHECK_DAYS": "0",
    "PLAN_AHEAD_SECONDS": "soon",
    "PORT": "http",
    "REDIS_BROKER_URL": "localhost:6379",
    "REDIS_CACHE_URL": "redis://localhost:many",
    "REDIS_CHANNELS_URL": "amqp://localhost",
    "REDIS_URL": "memcached://localhost",
    "SECRET_KEY": "short",
    "SECRET_KEY_FALLBACKS": None,
    "SEND_ATTEMPTS": "0",
    "SEND_CONCURRENCY": "0",
    "SEND_RATE_LIMIT": "-1",
    "SESSION_BACKUP_HOURS": "-1",
    "SESSION_BACKUP_KEEP": "0",
    "SESSION_COOKIE_AGE": "1",
    "SESSION_BALANCE_TOLERANCE": "-0.1",
    "SESSION_LEASE_SECONDS": "nan",
    "SESSION_MOVE_RATE": "-1",
    "SESSION_RESTORE_RATE": "0",
    "SESSION_WORKER_CAPACITY": "-1",
    "SIMULATOR_ACK_MS": "-5",
    "SIMULATOR_BAN_RATE": "1.5",
    "SIMULATOR_DELIVERED_MS": "1.5",
    "SIMULATOR_FAILURE_RATE": "-0.1",
    "SIMULATOR_KEEPS_MESSAGE_IDS": "maybe",
    "SIMULATOR_READ_MS": "x",
    "SIMULATOR_READ_RATE": "80",
    "SIMULATOR_REPLY_RATE": "often",
    "SIMULATOR_REPLY_TEXT": None,
    "SIMULATOR_SEED": "a",
    "STORAGE_ACCESS_KEY": None,
    "STORAGE_BUCKET": "uploads",  # without credentials
    "STORAGE_ENDPOINT_URL": "s3.example.com",
    "STORAGE_REGION": None,
    "STORAGE_SECRET_KEY": None,
    "TIME_ZONE": "Mars/Olympus",
    "UPLOAD_MAX_BYTES": "0",
    "UPLOAD_MAX_ROWS": "-1",
    "IMPORT_UNDO_DAYS": "0",
    "IMPORT_WAITS_DAYS": "soon",
    "WHATSAPP_EMULATOR": "perhaps",
    "WHATSAPP_ROOT_KEY": "142375574d0a",
    "WHATSAPP_WEB_VERSION": "2.3000",
    "WHATSAPP_WEBSOCKET_URL": "https://web.whatsapp.com",
}
"""A value for each variable that cannot work. None: any text is right."""

READABLE = {"SECRET_KEY", "STORAGE_BUCKET", "CSRF_TRUSTED_ORIGINS"}  # these are refused by a system check alone


def documented() -> set[str]:
    return set(re.findall(r"^#? ?([A-Z][A-Z0-9_]+)=", EXAMPLE.read_text(), re.MULTILINE))


def manage(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "whatsapp_automation.settings", **variables}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=settings.BASE_DIR,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def settings_with(monkeypatch: pytest.MonkeyPatch, **variables: str) -> dict[str, Any]:
    """The settings module as a fresh process would see it."""
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return runpy.run_path(str(settings.BASE_DIR / "whatsapp_automation" / "settings.py"))


def test_every_variable_is_documented_and_every_documented_one_is_read() -> None:
    only_compose = set(re.findall(r"\$\{([A-Z0-9_]+)", COMPOSE.read_text())) - settings.ENVIRONMENT.names
    assert only_compose == {"POSTGRES_PASSWORD"}
    assert documented() == settings.ENVIRONMENT.names | only_compose


def test_shown_defaults_are_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Setting every variable to what `.env.example` shows changes nothing."""
    shown = dict(re.findall(r"^# ([A-Z][A-Z0-9_]+)=(.*)$", EXAMPLE.read_text(), re.MULTILINE))
    for name in shown:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    before = settings_with(monkeypatch)
    after = settings_with(
        monkeypatch, **{name: value for name, value in shown.items() if value and name != "DATA_DIR"}
    )
    same = [name for name in before if name.isupper() and name not in ("ENVIRONMENT", "LANGUAGES", "UNFOLD")]
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert after["ENVIRONMENT"].problems == []


def test_every_bad_value_is_named() -> None:
    assert set(BAD) == settings.ENVIRONMENT.names
    result = manage("check", **{name: value for name, value in BAD.items() if value is not None})
    assert result.returncode != 0
    assert "Traceback" not in result.stderr
    missing = [name for name, value in BAD.items() if value is not None and name not in result.stderr]
    assert missing == []


@pytest.mark.parametrize(
    "name", sorted(name for name, value in BAD.items() if value is not None and name not in READABLE)
)
def test_a_bad_value_alone_is_an_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    problems = settings_with(monkeypatch, **{name: str(BAD[name])})["ENVIRONMENT"].problems
    assert [problem.name for problem in problems] == [name]
    assert problems[0].hint


def test_an_error_stops_every_command() -> None:
    result = manage("showmigrations", PORT="http")
    assert result.returncode != 0
    assert "PORT" in result.stderr
    assert "whole number" in result.stderr


def test_good_settings_pass() -> None:
    result = manage("check", "--fail-level", "WARNING")
    assert result.returncode == 0, result.stderr


def test_a_password_is_not_repeated() -> None:
    result = manage("check", DATABASE_URL="mysql://user:hidden-word@localhost/x", REDIS_URL="http://:hidden-word@x")
    assert result.returncode != 0
    assert "hidden-word" not in result.stdout + result.stderr


def test_production_needs_a_secret_key_and_hints_at_https() -> None:
    result = manage("check", DATABASE_URL="postgres://localhost/x", BASE_URL="http://example.com")
    assert result.returncode != 0
    assert "SECRET_KEY is not set" in result.stderr
    assert "AUTH_STATE_KEYS is not set" in result.stderr
    assert "BASE_URL is not encrypted" in result.stderr
    assert "Add example.com to ALLOWED_HOSTS" in result.stderr


def test_half_of_the_storage_credentials_is_an_error() -> None:
    result = manage("check", STORAGE_BUCKET="uploads", STORAGE_ACCESS_KEY="a")
    assert result.returncode != 0
    assert "STORAGE_BUCKET" in result.stderr
