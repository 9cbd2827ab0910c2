"""`manage.py import_session --sender ID --file FILE`: gives a sender the session in a file of `export_session`."""

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from senders.models import Sender
from session_service.auth_state import backup, stored_backups
from session_service.management import secrets_of_files


class Command(BaseCommand):
    help = (
        "Gives a disconnected sender the session in a file, or in its newest backup. Make sure that the session is in use "
        "nowhere else: two places at once get the number banned."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sender", type=int, required=True, metavar="ID")
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument("--file", type=Path, help="What export_session wrote.")
        source.add_argument("--newest-backup", action="store_true", help="The newest one in the storage.")
        parser.add_argument("--replace", action="store_true", help="Also where the sender has a session already.")
        secrets_of_files.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        sender = Sender.objects.filter(pk=options["sender"]).first()
        if sender is None:
            raise CommandError(f"There is no sender {options['sender']}.")
        try:
            file = stored_backups.newest(sender) if options["newest_backup"] else options["file"].read_bytes()
            passphrase = secrets_of_files.passphrase_for(options) if backup.needs_passphrase(file) else None
            content = backup.unseal(file, passphrase)
            backup.import_into(sender, content, replace=options["replace"])
        except backup.BackupError as error:
            raise CommandError(str(error)) from error
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}.") from error
        self.stdout.write(
            f"“{sender.name}” has the session of {content.phone_number or content.name} as of {content.exported_at}, with "
            f"{len(content.keys):,} keys. Connect it now: no code is needed."
        )
