"""What a batch says, as it is taken from a saved template."""

from typing import Any

from messaging import templates
from messaging.models import MessageTemplate


def of_template(saved: MessageTemplate) -> dict[str, Any]:
    """What its newest version says, as a campaign's services take it: `template` (the text), `media`, `kind`, and
    `template_version`, which is kept for the record."""
    newest = templates.newest_version(saved)
    return {"template": newest.text, "media": newest.media, "kind": newest.kind, "template_version": newest}
