"""Where the browser for the browser tests comes from."""

import os
from pathlib import Path

import pytest

from tests import chromium


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds all there is on this machine: nothing yet."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROMIUM", raising=False)
    return tmp_path


def add_program(folder: Path, name: str, script: str = "") -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def test_the_named_one_wins(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_program(programs, "chromium")
    mine = add_program(programs, "my-chromium")
    monkeypatch.setenv("CHROMIUM", mine)
    assert chromium.find() == mine


@pytest.mark.parametrize("name", chromium.NAMES)
def test_known_names_are_found(programs: Path, name: str) -> None:
    path = add_program(programs, name)
    assert chromium.find() == path
    assert chromium.main() == 0


def test_root_installs_it(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    new = programs / "chromium"
    add_program(programs, "apt-get", f'case "$*" in *"install --yes"*chromium) >{new}; /bin/chmod 755 {new};; esac')
    assert chromium.main() == 0
    assert chromium.find() == str(new)


def test_others_are_told_what_to_do(
    programs: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    add_program(programs, "apt-get", "exit 1")
    for user in (0, 1000):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        assert chromium.main() == 1
        assert "apt-get install chromium" in capsys.readouterr().err
