"""Work that is killed in the middle."""

import os
import signal
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
    return os.WIFSIGNALED(status)
