"""Finds the Chromium that the browser tests drive; `python -m tests.chromium` installs it where that is possible."""

import os
import shutil
import subprocess
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """The path of the browser: what the variable CHROMIUM names, or else the first known name."""
    if chosen := os.environ.get("CHROMIUM"):
        return shutil.which(chosen)
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def install() -> None:
    for command in (["update"], ["install", "--yes", "--no-install-recommends", "chromium"]):
        subprocess.run(["apt-get", "--quiet", "--quiet", *command], check=True)


def main() -> int:
    if not find() and not os.environ.get("CHROMIUM") and os.geteuid() == 0 and shutil.which("apt-get"):
        try:
            install()
        except subprocess.CalledProcessError as error:
            sys.stderr.write(f"{error}\n")
    if find():
        return 0
    sys.stderr.write(
        "The browser tests need Chromium. Install it (on Debian: apt-get install chromium), "
        "or set CHROMIUM to the path of a Chromium or Chrome.\n"
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
