"""A file that an API client hands over: as an upload, in base64, or by its address."""

from typing import Any
from urllib.parse import urlsplit

from rest_framework import serializers

from messaging import attachments
from messaging.models import Media

FILE_FIELDS = ("file", "media_base64", "media_url")


class FileFields(serializers.Serializer[Any]):
    file = serializers.FileField(required=False, help_text="The file, in a multipart request.")
    media_base64 = serializers.CharField(
        required=False,
        trim_whitespace=False,
        help_text="The file in base64, or as a data: URL. Files beyond 7 MB come as an upload or by URL.",
    )
    media_url = serializers.CharField(
        required=False, max_length=2000, help_text="A public http(s) address that the file is fetched from, at once."
    )
    mime_type = serializers.RegexField(
        r"^[\w.+-]+/[\w.+-]+(\s*;.*)?$",
        required=False,
        max_length=120,
        help_text="Where the upload or the server of the URL does not say it.",
    )
    file_name = serializers.CharField(required=False, max_length=255, help_text="As the recipient sees it.")


def kind_of_file(given: dict[str, Any]) -> str:
    """By the type that was stated, else by the name."""
    file, encoded = given.get("file"), given.get("media_base64", "")
    stated = given.get("mime_type") or (file.content_type if file else "")
    if not stated and encoded.startswith("data:"):
        stated = encoded.removeprefix("data:").partition(",")[0]
    name = given.get("file_name") or (file.name if file else urlsplit(given.get("media_url", "")).path)
    return attachments.kind_of(stated, name)


def take_in(organization_id: int, kind: str, given: dict[str, Any]) -> Media | None:
    """Stores the file that is given; None where there is none. Raises `ValidationError` with the field's name."""
    said = {"mime_type": given.get("mime_type", ""), "file_name": given.get("file_name", "")}
    field = next((field for field in FILE_FIELDS if field in given), None)
    try:
        if field == "file":
            file = given["file"]
            said = {
                "mime_type": said["mime_type"] or file.content_type or "",
                "file_name": said["file_name"] or file.name,
            }
            return attachments.take_in(organization_id=organization_id, kind=kind, file=file, **said)
        if field == "media_base64":
            encoded = given["media_base64"]
            return attachments.take_in_base64(organization_id=organization_id, kind=kind, encoded=encoded, **said)
        if field == "media_url":
            return attachments.take_in_from(organization_id=organization_id, kind=kind, url=given["media_url"], **said)
    except attachments.InvalidFile as error:
        raise serializers.ValidationError({str(field): [str(error)]}) from None
    return None
