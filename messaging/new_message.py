"""What an API client says of a message that it wants sent, checked field by field."""

from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework import serializers

from accounts.models import Organization
from contacts.api.fields import number_from
from messaging.given_files import FILE_FIELDS, FileFields, kind_of_file
from messaging.kinds import LONGEST_CAPTION, ONLY_RECEIVED, WITH_CAPTION, WITH_FILE, Kind
from messaging.log import KEYS
from messaging.models import Group, LibraryFile, Message
from senders.models import Sender

SENT_KINDS = [kind for kind in Kind if kind not in ONLY_RECEIVED]


class Location(serializers.Serializer[Any]):
    latitude = serializers.FloatField(min_value=-90, max_value=90)
    longitude = serializers.FloatField(min_value=-180, max_value=180)
    name = serializers.CharField(max_length=200, required=False)
    address = serializers.CharField(max_length=300, required=False)


class ContactCard(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=200)
    phone_number = serializers.CharField(max_length=40, help_text="As people write it.")

    def validate_phone_number(self, written: str) -> str:
        return number_from(written, self.context["organization"])


class Poll(serializers.Serializer[Any]):
    question = serializers.CharField(max_length=255)
    options = serializers.ListField(child=serializers.CharField(max_length=100), min_length=2, max_length=12)
    choices = serializers.IntegerField(
        min_value=1, max_value=12, default=1, help_text="How many options a person may choose."
    )

    def validate(self, poll: dict[str, Any]) -> dict[str, Any]:
        if len(set(poll["options"])) < len(poll["options"]):
            raise serializers.ValidationError({"options": [_("Each option may stand there once.")]})
        if poll["choices"] > len(poll["options"]):
            raise serializers.ValidationError({"choices": [_("There are fewer options than that.")]})
        return poll


class Reaction(serializers.Serializer[Any]):
    to = serializers.IntegerField(help_text="The id of the message.")
    emoji = serializers.CharField(max_length=16, allow_blank=True, help_text="Empty takes the reaction back.")


class NewMessage(FileFields):
    """A message to a person (`to`), to a `group`, or into the chat of the message that it answers (`reply_to`)."""

    to = serializers.CharField(max_length=100, required=False, help_text="A phone number as people write it.")
    group = serializers.IntegerField(required=False, help_text="The id of a group; its sender sends.")
    kind = serializers.ChoiceField(
        choices=[(kind.value, kind.label) for kind in SENT_KINDS],
        required=False,
        help_text="Where it is missing, the other fields tell it; a file goes as what its type says.",
    )
    text = serializers.CharField(
        max_length=4096,
        trim_whitespace=False,
        required=False,
        allow_blank=True,
        help_text="The text, or the caption of a picture, a video or a document.",
    )
    location = Location(required=False)
    contact = ContactCard(required=False)
    poll = Poll(required=False)
    reaction = Reaction(required=False)
    reply_to = serializers.IntegerField(required=False, help_text="The id of the message that this one quotes.")
    sender = serializers.IntegerField(
        required=False, allow_null=True, help_text="Empty: any connected sender, or that of the message answered."
    )
    media = serializers.IntegerField(required=False, help_text="The id of a file of the media library.")
    send_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text="Send it then, not at once. Without an offset it is meant on the organization's clock.",
    )
    idempotency_key = serializers.CharField(
        required=False, allow_null=True, max_length=100, help_text="A repeat with this key makes no second message."
    )

    @property
    def organization(self) -> Organization:
        return self.context["organization"]

    def to_internal_value(self, data: Any) -> Any:
        with timezone.override(self.organization.timezone):
            return super().to_internal_value(data)

    def validate_media(self, file_id: int) -> LibraryFile:
        return _found(LibraryFile, self.organization, file_id, _("There is no such file in the library."))

    def validate_send_at(self, moment: datetime | None) -> datetime | None:
        if moment is not None and moment <= timezone.now():
            raise serializers.ValidationError(_("This time has passed. Choose one to come, or leave it out."))
        return moment

    def validate_idempotency_key(self, key: str | None) -> str | None:
        if key and key.startswith(tuple(KEYS.values())):
            raise serializers.ValidationError(_("Keys of our own begin so. Choose another one."))
        return key

    def validate_to(self, written: str) -> str:
        return number_from(written, self.organization)

    def validate_sender(self, sender_id: int | None) -> Sender | None:
        if sender_id is None:
            return None
        return _found(Sender, self.organization, sender_id, _("There is no such sender."))

    def validate_group(self, group_id: int) -> Group:
        return _found(Group, self.organization, group_id, _("There is no such group."))

    def validate_reply_to(self, message_id: int) -> Message:
        return self._answerable(message_id)

    def validate_reaction(self, reaction: dict[str, Any]) -> dict[str, Any]:
        try:
            return {**reaction, "to": self._answerable(reaction["to"])}
        except serializers.ValidationError as error:
            raise serializers.ValidationError({"to": error.detail}) from error

    def _answerable(self, message_id: int) -> Message:
        message: Message = _found(Message, self.organization, message_id, _("There is no such message."))
        if not message.whatsapp_id or message.sender_id is None:
            raise serializers.ValidationError(_("This message has not been sent yet."))
        if message.deleted_at is not None:
            raise serializers.ValidationError(_("This message was deleted."))
        return message

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        kind = given["kind"] = given.get("kind") or _kind_of(given)
        self._check_fields(kind, given)
        answered = given.get("reply_to") or (given["reaction"]["to"] if kind == Kind.REACTION else None)
        self._check_recipient(given, answered)
        given["content"] = _content_of(kind, given)
        return given

    def _check_fields(self, kind: str, given: dict[str, Any]) -> None:
        """Each kind has what it needs, and nothing that it would not show."""
        errors: dict[str, list[str]] = {}
        text = given.setdefault("text", "")
        if kind == Kind.TEXT and not text:
            errors["text"] = [_("Write the text.")]
        elif text and kind != Kind.TEXT and kind not in WITH_CAPTION:
            errors["text"] = [_("A message of the kind %(kind)s has no text.") % {"kind": kind}]
        elif kind in WITH_CAPTION and len(text) > LONGEST_CAPTION:
            errors["text"] = [_("A caption has at most %(n)d characters.") % {"n": LONGEST_CAPTION}]
        files = [field for field in (*FILE_FIELDS, "media") if field in given]
        if kind in WITH_FILE and len(files) != 1:
            errors[files[1] if files else "file"] = [
                _("Give the file once: as file, media_base64, media_url or media.")
            ]
        for field in () if kind in WITH_FILE else files:
            errors[field] = [_("A message of the kind %(kind)s has no file.") % {"kind": kind}]
        for field in ("location", "contact", "poll", "reaction"):
            if (field in given) != (field == kind):
                needed, not_needed = _("This is needed."), _("A message of the kind %(kind)s does not have this.")
                errors[field] = [needed if field == kind else not_needed % {"kind": kind}]
        if kind == Kind.REACTION and "reply_to" in given:
            errors["reply_to"] = [_("A reaction names its message itself.")]
        if errors:
            raise serializers.ValidationError(errors)

    def _check_recipient(self, given: dict[str, Any], answered: Message | None) -> None:
        """Fills in `to`, `group`, `lid` and `sender` from the message that is answered, and refuses what contradicts."""
        given.setdefault("lid", "")
        if answered is not None:
            self._take_over_chat(given, answered)
        if ("to" in given) == ("group" in given) and not given["lid"]:
            raise serializers.ValidationError({"to": [_("Say to whom: either a number in to, or a group.")]})
        given.setdefault("to", "")
        group = given.setdefault("group", None)
        sender = given.setdefault("sender", None)
        if group is not None and sender is not None and sender.pk != group.sender_id:
            raise serializers.ValidationError({"sender": [_("This sender is not in the group.")]})

    def _take_over_chat(self, given: dict[str, Any], answered: Message) -> None:
        other_chat = _("The message that is answered belongs to another chat.")
        if given.get("sender") not in (None, answered.sender):
            raise serializers.ValidationError({"sender": [_("The message that is answered has another sender.")]})
        given["sender"] = answered.sender
        if answered.group is not None:
            if "to" in given or given.get("group", answered.group) != answered.group:
                raise serializers.ValidationError({"to" if "to" in given else "group": [other_chat]})
            given["group"] = answered.group
        elif "group" in given or given.get("to", answered.phone_number) != answered.phone_number:
            raise serializers.ValidationError({"group" if "group" in given else "to": [other_chat]})
        elif answered.phone_number:
            given["to"] = answered.phone_number
        else:
            given["lid"] = answered.lid


def _found(model: Any, organization: Organization, row_id: int, complaint: str) -> Any:
    row = model.objects.for_organization(organization).filter(pk=row_id).first()
    if row is None:
        raise serializers.ValidationError(complaint)
    return row


def _kind_of(given: dict[str, Any]) -> str:
    for kind in (Kind.LOCATION, Kind.CONTACT, Kind.POLL, Kind.REACTION):
        if kind.value in given:
            return kind
    if "media" in given:
        return str(given["media"].kind)
    if any(field in given for field in FILE_FIELDS):
        return kind_of_file(given)
    return Kind.TEXT


def _content_of(kind: str, given: dict[str, Any]) -> dict[str, Any]:
    """As in `messaging.kinds`."""
    content: dict[str, Any] = {}
    if kind == Kind.REACTION:
        content = {**_reference(given["reaction"]["to"]), "emoji": given["reaction"]["emoji"]}
        content["to"] = content.pop("whatsapp_id")
    elif kind in (Kind.LOCATION, Kind.CONTACT, Kind.POLL):
        content = dict(given[kind])
    if (quoted := given.get("reply_to")) is not None:
        content["reply_to"] = {**_reference(quoted), "text": quoted.text[:LONGEST_CAPTION]}
    return content


def _reference(message: Message) -> dict[str, Any]:
    """How WhatsApp is told which message is meant."""
    from_me = message.direction == Message.Direction.OUT
    reference: dict[str, Any] = {"whatsapp_id": message.whatsapp_id, "from_me": from_me}
    if message.group_id is not None and not from_me:
        reference["author"] = {"phone_number": message.phone_number, "lid": message.lid}
    return reference
