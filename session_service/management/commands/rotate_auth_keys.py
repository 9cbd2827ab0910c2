"""`manage.py rotate_auth_keys`: encrypts what keeps numbers linked with the first key of AUTH_STATE_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from session_service.auth_state import rotation
from session_service.auth_state.rotation import Rotation

SAYS_EVERY = 10_000  # rows


class Command(BaseCommand):
    help = (
        "Encrypts auth state with the first key of AUTH_STATE_KEYS. Put a new key first, restart every process, run this, "
        "and then take the old key away. It may be stopped and started again, and senders may be connected meanwhile."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="Only say how much an older key has encrypted.")

    def handle(self, *args: Any, **options: Any) -> None:
        older = rotation.older_rows()
        if options["check"] or not older:
            self.stdout.write(f"{older:,} rows are encrypted with an older key.")
            return
        self.stdout.write(f"{older:,} rows are to be encrypted with the first key ...")
        self._said = 0
        done = rotation.rotate(self._say)
        self.stdout.write(f"{done.done:,} rows are encrypted anew.")
        if done.unreadable:
            senders = ", ".join(f"{sender_id} ({rows:,} rows)" for sender_id, rows in sorted(done.unreadable.items()))
            raise CommandError(
                f"No key of AUTH_STATE_KEYS decrypts auth state of these senders: {senders}. Add the key that is missing "
                "at the end of AUTH_STATE_KEYS and run this again, or log these senders out and link them anew."
            )
        left = rotation.older_rows()
        self.stdout.write(
            f"{left:,} rows were written with an older key meanwhile: restart what still has the old settings, then run "
            "this again."
            if left
            else "Keys after the first one may be taken away now."
        )

    def _say(self, done: Rotation) -> None:
        if done.done - self._said >= SAYS_EVERY:
            self._said = done.done
            self.stdout.write(f"{done.done:,} ...")
