"""The kinds of messages, and the shape of `content` by kind, which is the same out and in.

| kind | text | content |
|---|---|---|
| text | the text | |
| image, video, document | the caption | the file is in `media` |
| audio, voice, sticker | | the file is in `media` |
| location | | `latitude`, `longitude`, and perhaps `name`, `address` |
| contact | | `name`, `phone_number` |
| poll | | `question`, `options`, `choices`: how many of them a person may choose |
| reaction | | `to`: the WhatsApp id of the message, `from_me`: whether the sender wrote that one, `emoji`: empty takes it back |
| poll_vote (in only) | | `to`: the WhatsApp id of the poll, `options`: what is chosen now |
| unsupported (in only) | | `name`: what WhatsApp calls it |

Any kind may have `reply_to`: `whatsapp_id`, `from_me` and `text` of the message that is quoted.

In a group, a reaction and `reply_to` also have `author` where that is not the sender itself: `phone_number` and `lid`
of the member who wrote the message that is meant; one of the two may be empty.

What is only kept, never sent: `history`, the former texts of an edited message, each with `text` and `until`; and
`missing_media`, what is known of a file that could not be had, with the reason in `error`.
"""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Kind(models.TextChoices):
    TEXT = "text", _("Text")
    IMAGE = "image", _("Picture")
    VIDEO = "video", _("Video")
    AUDIO = "audio", _("Audio")
    VOICE = "voice", _("Voice note")
    DOCUMENT = "document", _("Document")
    STICKER = "sticker", _("Sticker")
    LOCATION = "location", _("Location")
    CONTACT = "contact", _("Contact card")
    POLL = "poll", _("Poll")
    REACTION = "reaction", _("Reaction")
    POLL_VOTE = "poll_vote", _("Vote in a poll")
    UNSUPPORTED = "unsupported", _("Something that cannot be shown here")


WITH_FILE = (Kind.IMAGE, Kind.VIDEO, Kind.AUDIO, Kind.VOICE, Kind.DOCUMENT, Kind.STICKER)
WITH_CAPTION = (Kind.IMAGE, Kind.VIDEO, Kind.DOCUMENT)
OF_BATCHES = (Kind.TEXT, *WITH_FILE)  # what many people can be sent at once
ONLY_RECEIVED = (Kind.POLL_VOTE, Kind.UNSUPPORTED)
LONGEST_CAPTION = 1024  # signs
