"""The product's settings on servers of their own: a test never touches a database or Redis that someone configured.

Each pytest-xdist worker has its own folder, hence its own PostgreSQL and Redis.
"""

import os
from pathlib import Path

WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
DATA_DIR_BEFORE = os.environ.setdefault("DATA_DIR_BEFORE_TESTS", os.environ.get("DATA_DIR", ".local"))
os.environ.update(
    {
        "DATA_DIR": str(Path(DATA_DIR_BEFORE).absolute() / "test" / WORKER),
        "DATABASE_URL": "",
        "REDIS_URL": "",
        "LOG_LEVEL": "WARNING",
    }
)

from whatsapp_automation.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # Argon2 is slow on purpose
