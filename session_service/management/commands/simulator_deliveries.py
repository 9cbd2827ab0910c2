import json
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from session_service.providers.simulated import network


class Command(BaseCommand):
    help = (
        "Prints what the phones of the simulated network received, oldest first, a line each. A duplicate reached the "
        "phone again under the same id, and the phone dropped it. With --reset alone, only empties the record."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--format", choices=["jsonl"], help="One JSON object a line (the default).")
        parser.add_argument("--reset", action="store_true", help="Empty the record, after printing it with --format.")

    def handle(self, *args: Any, **options: Any) -> None:
        if options["reset"] and not options["format"]:
            network.reset_deliveries()
            return
        printed = 0
        for delivery in network.deliveries():
            self.stdout.write(json.dumps(delivery, ensure_ascii=False))
            printed += 1
        if options["reset"]:
            network.reset_deliveries(printed)  # what arrived meanwhile stays for the next look
