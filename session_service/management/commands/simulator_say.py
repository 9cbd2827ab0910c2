from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from contacts.phone_numbers import InvalidNumber, normalise
from session_service.providers.simulated import network


class Command(BaseCommand):
    help = "Lets a simulated person write to a linked simulated sender, and prints the id of the message."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", required=True, metavar="PHONE", help="Who writes, such as +6281234567890.")
        parser.add_argument("--to", required=True, metavar="PHONE", help="The phone number of the sender.")
        parser.add_argument("--text", required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        from_number = _phone_number("--from", options["from"])
        to_number = _phone_number("--to", options["to"])
        try:
            self.stdout.write(network.say(from_number=from_number, to_number=to_number, text=options["text"]))
        except network.NetworkError as error:
            raise CommandError(str(error)) from error


def _phone_number(option: str, text: str) -> str:
    try:
        return normalise(text, "ID")
    except InvalidNumber as error:
        raise CommandError(f"{option} {text!r}: {error}") from error
