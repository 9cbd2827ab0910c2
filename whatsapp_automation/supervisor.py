"""Runs programs under supervisord, which restarts those that die, and stops them in order."""

import configparser
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xmlrpc.client import Error, ServerProxy

from supervisor.xmlrpc import SupervisorTransport

from whatsapp_automation import left_over
from whatsapp_automation.local_servers import socket_dir

LOG_BYTES = 10 * 1024 * 1024


@dataclass(frozen=True)
class Program:
    """What supervisord needs to know. Programs of the highest `stage` start last and stop first."""

    name: str
    command: list[str]
    stage: int
    stop_signal: str = "TERM"
    stop_seconds: int = 6
    user: str | None = None


class Supervisor:
    """One supervisord, with its configuration, log files and control socket in `data_dir`."""

    def __init__(self, data_dir: Path, programs: Iterable[Program], folder: Path) -> None:
        self.programs = list(programs)
        self.log_dir = data_dir / "logs"
        self.config_file = data_dir / "supervisord.conf"
        self.pid_file = data_dir / "supervisord.pid"
        self.socket = socket_dir(data_dir) / "supervisor.sock"
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, timeout: float = 10) -> None:
        """Starts supervisord itself and none of the programs."""
        self.log_dir.mkdir(parents=True, exist_ok=True)
        self.socket.parent.mkdir(parents=True, exist_ok=True)
        with self.config_file.open("w") as file:
            self._config().write(file)
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", str(self.config_file)]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "whatsapp_automation.parent_death", *command],
            cwd=self.folder,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,  # Ctrl-C in the terminal must reach us only: we stop things in order
        )
        until = time.monotonic() + timeout
        while not self.socket.exists() or not self._answers():
            if self.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"supervisord did not start.\n{self.tail('supervisord')}")
            time.sleep(0.05)

    def start_stage(self, stage: int) -> None:
        """Starts the programs of one stage without waiting for them."""
        self._rpc().startProcessGroup(f"stage{stage}", False)

    def states(self) -> dict[str, str]:
        """Each program's state in supervisord's words: STARTING, RUNNING, BACKOFF, ..."""
        return {info["name"]: info["statename"] for info in self._rpc().getAllProcessInfo()}

    def wait(self) -> int:
        """Until supervisord ends, which it does not do unless it is told to. Returns its exit code."""
        if self.process is None:
            raise RuntimeError("supervisord was not started.")
        return self.process.wait()

    def stop(self, timeout: float = 20) -> None:
        """Ends the programs, the last stage first, and then supervisord. Waits at most `timeout` seconds."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def stop_left_over(self, timeout: float = 20) -> None:
        """Ends the supervisord of a start that was killed, with its programs."""
        if process := left_over.named_in(self.pid_file, str(self.config_file)):
            left_over.end(process, timeout=timeout)

    def tail(self, name: str, lines: int = 25) -> str:
        """The last lines of a program's log, for a message about its failure."""
        try:
            text = (self.log_dir / f"{name}.log").read_text(errors="replace")
        except FileNotFoundError:
            return "(it wrote nothing)"
        return "\n".join(text.splitlines()[-lines:])

    def _config(self) -> configparser.RawConfigParser:
        config = configparser.RawConfigParser()
        config["unix_http_server"] = {"file": str(self.socket), "chmod": "0700"}
        config["rpcinterface:supervisor"] = {
            "supervisor.rpcinterface_factory": "supervisor.rpcinterface:make_main_rpcinterface"
        }
        config["supervisord"] = {
            "nodaemon": "true",
            "silent": "true",
            "logfile": str(self.log_dir / "supervisord.log"),
            "pidfile": str(self.pid_file),
            "childlogdir": str(self.log_dir),
            **({"user": "root"} if os.geteuid() == 0 else {}),  # said aloud, or it warns at every start
        }
        for stage in {program.stage for program in self.programs}:
            names = [program.name for program in self.programs if program.stage == stage]
            config[f"group:stage{stage}"] = {"programs": ",".join(names), "priority": str(stage)}
        for program in self.programs:
            config[f"program:{program.name}"] = self._program_section(program)
        for section in config.sections():
            for key, value in config[section].items():
                config[section][key] = value.replace("%", "%%")  # supervisord expands %(name)s
        return config

    def _program_section(self, program: Program) -> dict[str, str]:
        return {
            "command": shlex.join(program.command),
            "directory": str(self.folder),
            "autostart": "false",
            "autorestart": "true",
            "startsecs": "3",
            "startretries": "1000000",
            "stopsignal": program.stop_signal,
            "stopwaitsecs": str(program.stop_seconds),
            "killasgroup": "true",
            "redirect_stderr": "true",
            "stdout_logfile": str(self.log_dir / f"{program.name}.log"),
            "stdout_logfile_maxbytes": str(LOG_BYTES),
            "stdout_logfile_backups": "3",
            **({"user": program.user} if program.user else {}),
        }

    def _answers(self) -> bool:
        try:
            self._rpc().getState()
        except (OSError, Error):
            return False
        return True

    def _rpc(self) -> Any:
        transport = SupervisorTransport(serverurl=f"unix://{self.socket}")
        return ServerProxy("http://127.0.0.1", transport=transport).supervisor  # the address is never used
