"""Where the private PostgreSQL and Redis listen that the project starts when none is configured.

They use Unix sockets only, so two clones never meet. Settings import this module: it names addresses and starts
nothing. `private_servers` runs them.
"""

import base64
import hashlib
import os
import secrets
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

DATABASE_NAME = "whatsapp_automation"
DATABASE_USER = "postgres"
LONGEST_SOCKET_PATH = 100  # the kernel's limit is 107 bytes


def socket_dir(data_dir: Path) -> Path:
    """Where the sockets lie: under `data_dir`, or in the temporary folder where that path would be too long."""
    inside = data_dir / "run"
    if len(os.fsencode(inside / ".s.PGSQL.5432")) <= LONGEST_SOCKET_PATH:
        return inside
    digest = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"whatsapp-automation-{digest}"


def database_settings(data_dir: Path) -> dict[str, Any]:
    """Django's `DATABASES` entry for the private PostgreSQL."""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": DATABASE_NAME,
        "USER": DATABASE_USER,
        "HOST": str(socket_dir(data_dir)),
        "CONN_MAX_AGE": 60,
    }


def redis_url(data_dir: Path) -> str:
    return f"unix://{socket_dir(data_dir)}/redis.sock"


def celery_broker_url(url: str) -> str:
    """Celery's name for a Redis on a Unix socket differs from redis-py's."""
    return url.replace("unix://", "redis+socket://", 1) if url.startswith("unix://") else url


def own_secret(data_dir: Path, name: str, make: Callable[[], str] = lambda: secrets.token_urlsafe(50)) -> str:
    """A secret kept in `data_dir`, made on first use: only for the private servers of one machine."""
    path = data_dir / name
    try:
        return path.read_text()
    except FileNotFoundError:
        data_dir.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:  # another process of ours got there first
            return path.read_text()
        with os.fdopen(descriptor, "w") as file:
            file.write(make())
        return path.read_text()


def new_fernet_key() -> str:
    """32 random bytes in base64, as Fernet wants them."""
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
