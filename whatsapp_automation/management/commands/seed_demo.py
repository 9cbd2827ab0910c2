from typing import Any

from django.core.management.base import BaseCommand
from django.db import transaction

from whatsapp_automation import demo_organization


class Command(BaseCommand):
    help = "Creates the demo organization with its login, senders and a campaign, where they are missing."

    def handle(self, *args: Any, **options: Any) -> None:
        with transaction.atomic():
            demo_organization.seed()
        if options["verbosity"]:
            self.stdout.write(f"Sign in as {demo_organization.EMAIL} with {demo_organization.PASSWORD}.")
