"""What a campaign says, as an API client gives it and reads it back."""

from typing import Any

from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.requests import ApiRequest
from campaigns import queries
from campaigns.models import Campaign
from messaging import batch_content, given_files, media_response
from messaging.kinds import WITH_FILE, Kind
from messaging.models import Media, MessageTemplate

# The uploaded sheet is called `file`, so what the message carries has names of its own.
FIELDS_OF_FILE = {
    "media": "file",
    "media_base64": "media_base64",
    "media_url": "media_url",
    "media_type": "mime_type",
    "media_name": "file_name",
}
MEDIA_FIELDS = ("media", "media_base64", "media_url")


class ContentFields(serializers.Serializer[Any]):
    """A text, a file with or without one, or a saved template."""

    template = serializers.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="The text, with {{columns}} of the list; {{column|otherwise}} where one may be empty; "
        "{Hi|Hello|Hey} gives each person one of the options. The caption where there is a file. "
        "In JSON a number stands for `template_id`.",
    )
    template_id = serializers.IntegerField(
        required=False, allow_null=True, help_text="A saved template: what its newest version says is copied."
    )
    media = serializers.FileField(required=False, help_text="A file that everybody gets. Multipart only.")
    media_base64 = serializers.CharField(required=False, trim_whitespace=False, help_text="The same in base64.")
    media_url = serializers.CharField(
        required=False, max_length=2000, help_text="The same by a public address, fetched at once."
    )
    media_type = serializers.RegexField(
        r"^[\w.+-]+/[\w.+-]+(\s*;.*)?$", required=False, max_length=120, help_text="Where nothing else says it."
    )
    media_name = serializers.CharField(required=False, max_length=255, help_text="As people see it.")
    kind = serializers.CharField(
        required=False,
        help_text=f"As what the file is sent: {', '.join(WITH_FILE)}. Where it is missing, its type tells it.",
    )

    def validate_kind(self, kind: str) -> str:
        if kind not in WITH_FILE:
            raise ValidationError(f"Write {', '.join(WITH_FILE)}.")
        return kind

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        number = data.get("template")
        if isinstance(number, int) and not isinstance(number, bool):
            data = {**data, "template_id": number}
            del data["template"]
        says = ("template_id", "variants", *MEDIA_FIELDS)
        self.fields["template"].required = all(data.get(name) in (None, "") for name in says)
        return super().to_internal_value(data)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        files = [name for name in MEDIA_FIELDS if name in given]
        if len(files) > 1:
            raise ValidationError({files[1]: ["Give the file once: as media, media_base64 or media_url."]})
        if "kind" in given and not files:
            raise ValidationError({"kind": ["Give the file as well: as media, media_base64 or media_url."]})
        return super().validate(given)


def taken_content(request: ApiRequest, fields: dict[str, Any]) -> dict[str, Any]:
    """Takes what the message says out of `fields`, and gives it as services want it: only what was given, of a saved
    template all that is not given otherwise. A file is stored."""
    said: dict[str, Any] = {}
    template_id, text = fields.pop("template_id", None), fields.pop("template", None)
    kind, without_media = fields.pop("kind", ""), fields.pop("without_media", False)
    if template_id is not None:
        saved = MessageTemplate.objects.for_organization(request.organization).filter(pk=template_id).first()
        if saved is None or saved.archived_at is not None:
            raise ValidationError({"template_id": [f"There is no template {template_id}."]})
        said = batch_content.of_template(saved)
    if text:
        said["template"] = text
    elif text is not None:
        said.setdefault("template", "")
    file = {FIELDS_OF_FILE[name]: fields.pop(name) for name in FIELDS_OF_FILE if name in fields}
    if any(name in file for name in given_files.FILE_FIELDS):
        said["kind"] = kind or given_files.kind_of_file(file)
        said["media"] = _stored(request, said["kind"], file)
    elif without_media:
        said |= {"media": None, "kind": Kind.TEXT}
    return said


def _stored(request: ApiRequest, kind: str, file: dict[str, Any]) -> Media | None:
    try:
        return given_files.take_in(request.organization.pk, kind, file)
    except ValidationError as error:
        names = {theirs: ours for ours, theirs in FIELDS_OF_FILE.items()}
        detail: Any = error.detail
        raise ValidationError({names.get(name, name): texts for name, texts in detail.items()}) from error


class BatchFileSerializer(serializers.ModelSerializer[Media]):
    class Meta:
        model = Media
        fields = ("file_name", "mime_type", "size")
        read_only_fields = fields


class BatchContentSerializer(serializers.Serializer[Campaign]):
    """Of a campaign: its `batch` is the source."""

    template = serializers.CharField(source="batch.text")
    kind = serializers.CharField(source="batch.kind", help_text="text, or that of the file.")
    media = BatchFileSerializer(source="batch.media", help_text="The file that everybody gets; null without one.")
    media_link = serializers.SerializerMethodField(help_text="Where the file is fetched; empty without one.")
    template_id = serializers.IntegerField(
        source="batch.template_version.template_id", default=None, help_text="The saved template it was made from."
    )
    template_version = serializers.IntegerField(source="batch.template_version.number", default=None)

    def get_media_link(self, campaign: Campaign) -> str:
        if campaign.batch.media_id is None:
            return ""
        return str(self.context["request"].build_absolute_uri(reverse("api:campaign-media", args=[campaign.pk])))


CONTENT_FIELDS = ("template", "kind", "media", "media_link", "template_id", "template_version")


class CampaignMediaView(APIView):
    capability = {"GET": "campaigns.view"}

    @extend_schema(
        responses={(200, "*/*"): OpenApiTypes.BINARY, 409: OpenApiResponse(description="The campaign has no file.")}
    )
    def get(self, request: ApiRequest, campaign_id: int) -> Any:
        """The file that everybody gets."""
        campaign = get_object_or_404(queries.campaigns_of(request.organization), pk=campaign_id)
        if campaign.batch.media is None:
            return Response({"detail": "This campaign has no file."}, status=status.HTTP_409_CONFLICT)
        return media_response.respond(campaign.batch.media)
