from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from session_service.emulator import Emulator, EmulatorError
from session_service.management.phone_numbers import phone_number


class Command(BaseCommand):
    help = "Lets a person of the emulated WhatsApp write to a linked sender, and prints the id of the message."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", required=True, metavar="PHONE", help="Who writes, such as +6281234567890.")
        parser.add_argument("--to", required=True, metavar="PHONE", help="The phone number of the sender.")
        parser.add_argument("--text", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        from_number = phone_number("--from", options["from"])
        to_number = phone_number("--to", options["to"])
        try:
            emulator = Emulator.of_this_product()
            self.stdout.write(emulator.say(sender=from_number, to=to_number, text=options["text"]))
        except EmulatorError as error:
            raise CommandError(str(error)) from error
