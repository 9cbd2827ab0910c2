from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connections

from whatsapp_automation import demo
from whatsapp_automation.private_servers import InUse

LOGIN = "Log in as demo@example.com with the password demo. Ctrl-C stops everything."


class Command(BaseCommand):
    help = "Runs the whole product on this machine, with its own PostgreSQL and Redis unless others are configured."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            demo.run(self.set_up, self.say_ready)
        except InUse as error:
            self.say_already_running(error)
        except (demo.Failed, RuntimeError) as error:
            raise CommandError(str(error)) from error

    def set_up(self) -> None:
        try:
            call_command("migrate", verbosity=0, interactive=False)
            call_command("seed_demo", verbosity=0)
        except (DatabaseError, ValidationError, CommandError) as error:
            raise demo.Failed(f"The database could not be set up (--traceback shows where): {error}") from error
        finally:
            connections.close_all()

    def say_ready(self) -> None:
        self.stdout.write(f"Ready: {demo.address()}\n{LOGIN}")
        self.stdout.flush()

    def say_already_running(self, error: InUse) -> None:
        try:
            address = (settings.DATA_DIR / "address").read_text()
        except FileNotFoundError:
            address = ""
        if not address or not demo.health(address):
            raise CommandError(f"{error} (It is starting or stopping right now.)") from error
        self.stdout.write(f"Already running at {address}. Set DATA_DIR and PORT to run another one beside it.")
