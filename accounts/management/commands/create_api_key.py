from datetime import timedelta
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from accounts import services
from accounts.models import Organization
from accounts.permissions import CAPABILITIES


class Command(BaseCommand):
    help = "Creates an API key and prints it, alone on a line. It cannot be shown again."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--organization", required=True, help="The organization's short name, such as demo.")
        parser.add_argument("--name", required=True, help="What the key is for; people see it in the settings.")
        parser.add_argument(
            "--scopes",
            nargs="+",
            metavar="SCOPE",
            help=f"What it may do (all of it by default): {', '.join(CAPABILITIES)}.",
        )
        parser.add_argument("--expires-days", type=int, help="Days until it stops working (never by default).")

    def handle(self, *args: Any, **options: Any) -> None:
        organization = Organization.objects.filter(slug=options["organization"]).first()
        if organization is None:
            known = ", ".join(Organization.objects.values_list("slug", flat=True)) or "none yet"
            raise CommandError(f"There is no organization {options['organization']!r}. Known: {known}.")
        days = options["expires_days"]
        try:
            _, plain = services.create_api_key(
                organization=organization,
                name=options["name"],
                scopes=options["scopes"],
                expires_at=None if days is None else timezone.now() + timedelta(days=days),
            )
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        self.stdout.write(plain)
