"""Voice notes: phones play them only as Opus in Ogg, with one channel. Other recordings are converted by ffmpeg, which
whoever runs the product installs; without it the person is told what to do."""

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import IO

from django.conf import settings
from django.utils.translation import gettext as _

OPUS = "audio/ogg; codecs=opus"
LONGEST_SECONDS = 3600
SECONDS_TO_CONVERT = 120
CONVERTED_FROM = ("audio/", "video/mp4", "video/webm", "video/3gpp")
COPY_BYTES = 1024 * 1024


class NotConverted(Exception):
    """The recording cannot be made a voice note. The text is for the person who sends it."""


def converter() -> str | None:
    """The path of ffmpeg, None where it is not installed."""
    return shutil.which(settings.FFMPEG)


def is_opus(file: IO[bytes]) -> bool:
    file.seek(0)
    head = file.read(128)
    file.seek(0)
    return head.startswith(b"OggS") and b"OpusHead" in head


def converted(file: IO[bytes]) -> IO[bytes]:
    """The same recording as a voice note, at its beginning; closing it removes it. Raises `NotConverted`."""
    ffmpeg = converter()
    if ffmpeg is None:
        raise NotConverted(
            _(
                "A voice note must be Opus in Ogg (.ogg or .opus), and this server cannot convert other recordings: ffmpeg "
                "is not installed. Convert it yourself, send it as audio, or ask whoever runs the server to install ffmpeg."
            )
        )
    with tempfile.TemporaryDirectory() as folder:
        given, made = Path(folder) / "given", Path(folder) / "made.ogg"
        file.seek(0)
        with given.open("wb") as copy:
            shutil.copyfileobj(file, copy, COPY_BYTES)
        _run(ffmpeg, given, made)
        result = tempfile.TemporaryFile()  # noqa: SIM115  closed by who asked for it
        with made.open("rb") as source:
            shutil.copyfileobj(source, result, COPY_BYTES)
    result.seek(0)
    return result


def _run(ffmpeg: str, given: Path, made: Path) -> None:
    # Files only: what strangers sent may name addresses to be fetched.
    command = [
        *(ffmpeg, "-nostdin", "-hide_banner", "-loglevel", "error", "-protocol_whitelist", "file", "-i", str(given)),
        *("-vn", "-map_metadata", "-1", "-t", str(LONGEST_SECONDS), "-ac", "1", "-ar", "48000"),
        *("-c:a", "libopus", "-b:a", "32k", "-application", "voip", "-f", "ogg", str(made)),
    ]
    try:
        done = subprocess.run(command, capture_output=True, timeout=SECONDS_TO_CONVERT, check=False)
    except subprocess.TimeoutExpired as error:
        raise NotConverted(_("Converting the recording took too long. Send a shorter one.")) from error
    except OSError as error:
        raise NotConverted(_("ffmpeg could not be started: %(error)s.") % {"error": error}) from error
    if done.returncode or not made.is_file() or not made.stat().st_size:
        lines = done.stderr.decode(errors="replace").replace(f"{given}: ", "").strip().splitlines()
        said = lines[-1][:200] if lines else _("no sound was found")
        raise NotConverted(_("The recording cannot be read: %(error)s.") % {"error": said})
