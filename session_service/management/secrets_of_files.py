"""Where commands take the passphrase of a file from: never from the command line, which others can read."""

import getpass
import os
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

VARIABLE = "SESSION_FILE_PASSPHRASE"
SHORTEST = 12


def add_arguments(parser: CommandParser) -> None:
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--passphrase-file",
        type=Path,
        metavar="FILE",
        help=f"Its first line is the passphrase. Else the variable {VARIABLE} is read, else it is asked for.",
    )
    group.add_argument(
        "--use-auth-keys",
        action="store_true",
        help="No passphrase: AUTH_STATE_KEYS encrypt, for files that stay with this installation.",
    )


def passphrase_for(options: dict[str, Any], *, twice: bool = False) -> str | None:
    """The passphrase; None where the installation's own keys are to be used. Raises CommandError."""
    if options["use_auth_keys"]:
        return None
    passphrase = _read(options["passphrase_file"], twice=twice)
    if twice and len(passphrase) < SHORTEST:
        raise CommandError(f"The passphrase must have {SHORTEST} characters or more.")
    return passphrase


def _read(file: Path | None, *, twice: bool) -> str:
    if file is not None:
        try:
            return file.read_text().split("\n")[0].strip()
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror}.") from error
    if VARIABLE in os.environ:
        return os.environ[VARIABLE]
    passphrase = getpass.getpass("Passphrase of the file: ")
    if twice and getpass.getpass("The same again: ") != passphrase:
        raise CommandError("The two passphrases differ.")
    return passphrase
