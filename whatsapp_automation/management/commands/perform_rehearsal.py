import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand

from campaigns.models import Rehearsal
from campaigns.rehearsals import CannotRehearse
from whatsapp_automation.rehearsal.performance import rehearse


class Command(BaseCommand):
    help = "Performs a rehearsal, and prints how far it is and what came of it as lines of JSON. Run by a task."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("rehearsal", type=int)

    def handle(self, *args: Any, **options: Any) -> None:
        rehearsal = Rehearsal.objects.get(pk=options["rehearsal"])
        try:
            result = rehearse(rehearsal_id=rehearsal.pk, campaign_id=rehearsal.campaign_id, tell=self.tell)
        except CannotRehearse as error:
            self.tell({"error": str(error)})
        else:
            self.tell({"result": result})

    def tell(self, news: dict[str, Any]) -> None:
        self.stdout.write(json.dumps(news, default=str))
        self.stdout.flush()
