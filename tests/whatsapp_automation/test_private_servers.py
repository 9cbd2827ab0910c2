"""The private PostgreSQL and Redis: started, found again after a crash, and stopped."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
import redis

from whatsapp_automation import left_over, local_servers, private_servers


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with TemporaryDirectory(prefix="wa-") as folder:
        yield Path(folder)
        private_servers.stop(Path(folder))
        left = [process for process in psutil.process_iter(["cmdline"]) if folder in str(process.info["cmdline"])]
    assert left == []


def test_both_servers_run_and_stop(data_dir: Path) -> None:
    with private_servers.running(data_dir):
        processes = [private_servers.find(data_dir, name) for name in ("postgres", "redis")]
        with private_servers.connect(data_dir, local_servers.DATABASE_NAME) as connection:
            row = connection.execute("SELECT current_setting('server_version_num')::int, 'é' < 'z'").fetchone()
        assert row is not None
        assert row[0] >= 180000
        for process in processes:
            assert process is not None
            assert process.uids().real != 0
    assert [process.is_running() for process in processes if process] == [False, False]


def test_data_survives_a_restart(data_dir: Path) -> None:
    with private_servers.running(data_dir):
        redis.Redis.from_url(local_servers.redis_url(data_dir)).set("kept", "yes")
        with private_servers.connect(data_dir) as connection:
            connection.execute("CREATE TABLE kept (id int)")
    with private_servers.running(data_dir):
        assert redis.Redis.from_url(local_servers.redis_url(data_dir)).get("kept") == b"yes"
        with private_servers.connect(data_dir) as connection:
            assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_second_start_is_refused_with_a_sentence(data_dir: Path) -> None:
    with private_servers.running(data_dir):
        with pytest.raises(private_servers.InUse, match="Set DATA_DIR"), private_servers.running(data_dir):
            pass
        assert private_servers.answers(data_dir, "postgres")
        assert private_servers.answers(data_dir, "redis")


def test_servers_of_a_killed_program_are_replaced(data_dir: Path) -> None:
    script = (
        "import pathlib, sys, time\n"
        "from whatsapp_automation import private_servers\n"
        "with private_servers.running(pathlib.Path(sys.argv[1])):\n"
        "    print('up', flush=True)\n"
        "    time.sleep(60)\n"
    )
    program = subprocess.Popen([sys.executable, "-c", script, str(data_dir)], stdout=subprocess.PIPE, text=True)
    assert program.stdout is not None
    assert program.stdout.readline() == "up\n"
    program.kill()
    program.wait()
    old_server = private_servers.find(data_dir, "postgres")
    assert old_server is not None
    with private_servers.running(data_dir):
        assert left_over.has_ended(old_server)
        assert private_servers.answers(data_dir, "postgres")


def test_pid_file_that_names_a_stranger_harms_nobody(data_dir: Path) -> None:
    """After a power cut the numbers in the pid files belong to whoever got them since."""
    with private_servers.running(data_dir):
        server = private_servers.find(data_dir, "postgres")
        assert server is not None
        for process in [server, *server.children()]:
            process.send_signal(signal.SIGKILL)
        psutil.wait_procs([server], timeout=5)
    stranger = subprocess.Popen(["sleep", "60"], user=private_servers.system_user())
    try:
        pid_file = data_dir / "postgres" / "postmaster.pid"
        old_pid, *rest = pid_file.read_text().splitlines()
        assert int(old_pid) == server.pid
        pid_file.write_text("\n".join([str(stranger.pid), *rest]) + "\n")
        (data_dir / "redis" / "redis.pid").write_text(f"{os.getpid()}\n")
        with private_servers.running(data_dir):
            assert private_servers.answers(data_dir, "postgres")
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_half_made_cluster_is_made_again(data_dir: Path) -> None:
    unfinished = data_dir / "postgres.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    with private_servers.running(data_dir):
        assert private_servers.answers(data_dir, "postgres")
    assert not unfinished.exists()


def test_long_paths_get_a_short_socket_folder(tmp_path: Path) -> None:
    deep = tmp_path / ("long" * 25)
    assert len(os.fsencode(local_servers.socket_dir(deep) / ".s.PGSQL.5432")) <= local_servers.LONGEST_SOCKET_PATH
    assert local_servers.socket_dir(deep) != local_servers.socket_dir(deep / "other")
