from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from senders.models import Provider, Sender
from session_service.providers.simulated import network


class Command(BaseCommand):
    help = "The demo phone: scans the QR code that a simulated sender shows, and prints the linked phone number."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--sender", type=int, required=True, metavar="ID")

    def handle(self, *args: Any, **options: Any) -> None:
        sender = Sender.objects.filter(pk=options["sender"]).first()
        if sender is None:
            raise CommandError(f"There is no sender {options['sender']}.")
        if sender.provider != Provider.SIMULATED:
            raise CommandError(f"{sender.name} is not on the simulated network: scan its code with a real phone.")
        try:
            self.stdout.write(network.scan(sender_id=sender.pk))
        except network.NetworkError as error:
            raise CommandError(f"{sender.name}: {error}") from error
