import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from senders import linking
from senders.models import Provider, Sender
from session_service.emulator import Emulator, EmulatorError
from session_service.management.phone_numbers import phone_number

SECONDS_TO_WAIT = 30.0  # a sender that was just asked to connect shows its code after some seconds


class Command(BaseCommand):
    help = (
        "An emulated phone scans the QR code that a Baileys sender shows, or a person types the pairing code that it "
        "shows into the phone. Prints the linked phone number."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sender", type=int, required=True, metavar="ID")
        parser.add_argument("--phone", required=True, help="The number of the emulated phone, such as +6281234567890.")
        parser.add_argument("--code", help="A pairing code to type, in place of what the sender shows.")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            emulator = Emulator.of_this_product()
            phone = phone_number("--phone", options["phone"])
            sender = _sender(options["sender"])
            if options["code"]:
                linked = emulator.pair(code=options["code"], phone=phone)
            else:
                linked = _scan(emulator, sender, phone)
        except EmulatorError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(linked["phone"])


def _sender(pk: int) -> Sender:
    sender = Sender.objects.filter(pk=pk).first()
    if sender is None:
        raise CommandError(f"There is no sender {pk}.")
    if sender.provider != Provider.BAILEYS:
        raise CommandError(f"{sender.name} does not reach WhatsApp with Baileys: there is nothing to scan.")
    return sender


def _scan(emulator: Emulator, sender: Sender, phone: str) -> dict[str, Any]:
    """Takes the code that is shown; the next one when it was replaced meanwhile."""
    until = time.monotonic() + SECONDS_TO_WAIT
    problem = "There is no code to scan or to type: connect the sender first."
    while time.monotonic() < until:
        try:
            if code := linking.shown_pairing_code(sender.pk):
                return emulator.pair(code=code.code, phone=phone)
            if shown := linking.shown_qr(sender.pk):
                return emulator.scan(qr=shown.text, phone=phone)
        except EmulatorError as error:
            problem = str(error)
        time.sleep(0.2)
    raise CommandError(f"{sender.name}: {problem}")
