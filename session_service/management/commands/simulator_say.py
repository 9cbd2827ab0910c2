import json
import mimetypes
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from messaging.attachments import kind_for
from messaging.kinds import Kind
from session_service.management.phone_numbers import phone_number
from session_service.providers.simulated import network


class Command(BaseCommand):
    help = (
        "Lets a simulated person write to a linked simulated sender, and prints the id of the message. "
        "With --edit or --delete, changes a message that the person wrote before."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--from", required=True, metavar="PHONE", help="Who writes, such as +6281234567890.")
        parser.add_argument("--to", required=True, metavar="PHONE", help="The phone number of the sender.")
        parser.add_argument("--text", default="", help="The text, or the caption of the file.")
        parser.add_argument("--kind", choices=Kind.values, help="Else a text, or what the file is.")
        parser.add_argument("--content", default="{}", metavar="JSON", help="What the kind has beside a text.")
        parser.add_argument("--file", type=Path, help="A picture, a document or the like.")
        parser.add_argument("--reply-to", metavar="ID", help="The WhatsApp id of a message of the sender to quote.")
        parser.add_argument("--name", default="", help="What the person is called on WhatsApp.")
        parser.add_argument("--group", default="", metavar="ID", help="The WhatsApp id of the group to write in.")
        parser.add_argument("--hide-number", action="store_true", help="Show the LID alone.")
        parser.add_argument("--edit", metavar="ID", help="Give this message the --text instead.")
        parser.add_argument("--delete", metavar="ID", help="Delete this message for everyone.")

    def handle(self, *args: Any, **options: Any) -> None:
        from_number = phone_number("--from", options["from"])
        to_number = phone_number("--to", options["to"])
        try:
            if options["delete"]:
                network.delete(from_number=from_number, to_number=to_number, message_id=options["delete"])
            elif options["edit"]:
                network.edit(
                    from_number=from_number, to_number=to_number, message_id=options["edit"], text=options["text"]
                )
            else:
                self.stdout.write(_say(from_number, to_number, options))
        except (network.NetworkError, OSError) as error:
            raise CommandError(str(error)) from error


def _say(from_number: str, to_number: str, options: dict[str, Any]) -> str:
    try:
        content = json.loads(options["content"])
    except ValueError as error:
        raise CommandError(f"--content is not JSON: {error}") from error
    if options["reply_to"]:
        content["reply_to"] = {"whatsapp_id": options["reply_to"], "from_me": True, "text": ""}
    file: Path | None = options["file"]
    if not (options["text"] or content or file):
        raise CommandError("Say something: --text, --content or --file.")
    return network.say(
        from_number=from_number,
        to_number=to_number,
        text=options["text"],
        file=file,
        hides_number=options["hide_number"],
        kind=options["kind"] or (kind_for(mimetypes.guess_type(file.name)[0] or "") if file else Kind.TEXT),
        content=content,
        name=options["name"],
        group=options["group"],
    )
