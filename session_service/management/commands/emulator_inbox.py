import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from session_service.emulator import Emulator, EmulatorError
from session_service.management.phone_numbers import phone_number

SHOWN = ("phone", "from", "message_id", "text", "repeats", "kind", "content", "group", "at")


class Command(BaseCommand):
    help = (
        "Prints what the phones of the emulated WhatsApp decrypted, oldest first, a line each. `repeats` counts how often "
        "the message came again under the same id; the phone dropped those. With --reset alone, only empties the inbox."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=["jsonl"], help="One JSON object a line (the default).")
        parser.add_argument("--phone", help="Only what this phone got.")
        parser.add_argument("--reset", action="store_true", help="Empty the inbox, after printing it with --format.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            emulator = Emulator.of_this_product()
            phone = phone_number("--phone", options["phone"]) if options["phone"] else ""
            if options["format"] or not options["reset"]:
                for line in emulator.inbox(phone):
                    shown = {name: line[name] for name in SHOWN if name in line}
                    self.stdout.write(json.dumps(shown, ensure_ascii=False))
            if options["reset"]:
                emulator.delete("/inbox")
        except EmulatorError as error:
            raise CommandError(str(error)) from error
