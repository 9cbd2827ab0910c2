"""`manage.py export_session --sender ID --output FILE`: what keeps one number linked, as an encrypted file."""

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from senders.models import Sender
from session_service.auth_state import backup
from session_service.auth_state.encryption import Unreadable
from session_service.management import secrets_of_files


class Command(BaseCommand):
    help = (
        "Writes the session of a disconnected sender to an encrypted file. Whoever opens the file can write in the number's "
        "name. Use it here or there, never at two places at once: that gets the number banned."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sender", type=int, required=True, metavar="ID")
        parser.add_argument(
            "--output", type=Path, required=True, metavar="FILE", help="A file that does not exist yet."
        )
        secrets_of_files.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sender = Sender.objects.select_related("organization").filter(pk=options["sender"]).first()
        if sender is None:
            raise CommandError(f"There is no sender {options['sender']}.")
        passphrase = secrets_of_files.passphrase_for(options, twice=True)
        try:
            content = backup.export(sender)
            file = backup.seal(content, passphrase)
            with os.fdopen(os.open(options["output"], os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
                output.write(file)
        except (backup.BackupError, Unreadable) as error:
            raise CommandError(str(error)) from error
        except FileExistsError as error:
            raise CommandError(f"{options['output']} exists already: choose another --output.") from error
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror}.") from error
        self.stdout.write(f"The session of “{sender.name}” with {len(content.keys):,} keys is in {options['output']}.")
