"""What many people are sent, as an API client says it."""

from typing import Any

from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from accounts.requests import ApiRequest
from messaging import batch_content, given_files
from messaging.given_files import FILE_FIELDS, FileFields
from messaging.models import LibraryFile, MessageTemplate, Purpose


class ContentFields(FileFields):
    """A text, a file with or without one, or a saved template."""

    text = serializers.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="With {{name}} and other values of the contacts; {{name|friend}} where one may be empty; "
        "{Hi|Hello} gives each person one of the options. The caption where there is a file.",
    )
    template_id = serializers.IntegerField(required=False, help_text="A saved template: its newest version is copied.")
    media = serializers.IntegerField(required=False, help_text="The id of a file of the media library.")
    kind = serializers.CharField(required=False, help_text="As what the file is sent; else its type tells it.")
    purpose = serializers.ChoiceField(
        choices=Purpose.choices,
        default=Purpose.MARKETING.value,
        help_text="Where the organization demands consent, marketing goes only to who gave it.",
    )
    idempotency_key = serializers.CharField(
        required=False, allow_null=True, max_length=80, help_text="A repeat with this key sends nothing again."
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        files = [name for name in (*FILE_FIELDS, "media") if name in given]
        if len(files) > 1:
            raise ValidationError({files[1]: ["Give the file once: as file, media_base64, media_url or media."]})
        return super().validate(given)


def taken_content(request: ApiRequest, given: dict[str, Any]) -> dict[str, Any]:
    """What `SendPlan` takes of it. A file is stored. Raises `ValidationError` by field."""
    said: dict[str, Any] = {"purpose": given["purpose"]}
    if (template_id := given.get("template_id")) is not None:
        saved = MessageTemplate.objects.for_organization(request.organization).filter(pk=template_id).first()
        if saved is None or saved.archived_at is not None:
            raise ValidationError({"template_id": [f"There is no template {template_id}."]})
        said |= batch_content.of_template(saved)
        said["text"] = said.pop("template")
    if given.get("text"):
        said["text"] = given["text"]
    if (file_id := given.get("media")) is not None:
        kept = LibraryFile.objects.for_organization(request.organization).filter(pk=file_id).first()
        if kept is None:
            raise ValidationError({"media": [f"There is no file {file_id} in the library."]})
        said |= {"media": kept.media, "kind": kept.kind}
    elif any(name in given for name in FILE_FIELDS):
        kind = given.get("kind") or given_files.kind_of_file(given)
        said |= {"media": given_files.take_in(request.organization.pk, kind, given), "kind": kind}
    return said
