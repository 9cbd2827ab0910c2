"""Work that is killed in the middle."""

import os
import signal
import time
from collections.abc import Callable
from itertools import count

from django.db import connection, connections


def killed_at(statement: int, work: Callable[[], object]) -> bool:
    """Does `work` in a process that kills itself before its n-th statement. Whether it was killed."""
    connections.close_all()
    child = os.fork()
    if child == 0:
        left = count(statement, -1)

        def wrapper(execute, sql, params, many, context):
            if next(left) == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return execute(sql, params, many, context)

        try:
            with connection.execute_wrapper(wrapper):
                work()
        finally:
            os._exit(0)
    _pid, status = os.waitpid(child, 0)
    _wait_until_it_is_noticed()
    return os.WIFSIGNALED(status)


def _wait_until_it_is_noticed() -> None:
    """PostgreSQL may hold the locks of a process that is gone for a moment more."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
                " AND backend_type = 'client backend' AND state <> 'idle'"
            )
            if cursor.fetchone() == (0,):
                return
        time.sleep(0.005)
    raise TimeoutError("the killed process's transaction is still open")
