"""The media library by REST."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.serializers import as_serializer_error
from rest_framework.views import APIView

from accounts.api import Conflict, actor_of
from accounts.requests import ApiRequest
from messaging import given_files, library, media_response
from messaging.given_files import FILE_FIELDS, FileFields
from messaging.models import LibraryFile
from messaging.services import NotAllowed

VIEW, MANAGE = "messages.view", "messages.manage"


class LibraryFileSerializer(serializers.ModelSerializer[LibraryFile]):
    mime_type = serializers.CharField(source="media.mime_type")
    file_name = serializers.CharField(source="media.file_name")
    size = serializers.IntegerField(source="media.size", help_text="In bytes.")
    sha256 = serializers.CharField(source="media.sha256")
    url = serializers.SerializerMethodField(help_text="Where the file is; it takes the same API key.")
    thumbnail_url = serializers.SerializerMethodField(help_text="A small picture of it; empty where there is none.")

    class Meta:
        model = LibraryFile
        fields = (
            *("id", "name", "kind", "mime_type", "file_name", "size", "sha256", "url", "thumbnail_url", "created_at"),
        )
        read_only_fields = tuple(set(fields) - {"name"})

    def get_url(self, row: LibraryFile) -> str:
        return reverse("api:library-file", args=[row.pk], request=self.context["request"])

    def get_thumbnail_url(self, row: LibraryFile) -> str:
        if row.thumbnail_id is None:
            return ""
        return reverse("api:library-thumbnail", args=[row.pk], request=self.context["request"])


class NewLibraryFile(FileFields):
    name = serializers.CharField(max_length=120, required=False, help_text="The file's own where it is left out.")
    kind = serializers.CharField(
        required=False, help_text="As what it is sent. Where it is missing, its type tells it."
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        files = [field for field in FILE_FIELDS if field in given]
        if len(files) != 1:
            text = "Give the file once: as file, media_base64 or media_url."
            raise ValidationError({files[1] if files else "file": [text]})
        return given


class LibraryView(ListAPIView[LibraryFile]):
    capability = {"GET": VIEW, "POST": MANAGE}
    serializer_class = LibraryFileSerializer
    parser_classes = (JSONParser, MultiPartParser, FormParser)
    request: ApiRequest

    @extend_schema(parameters=[OpenApiParameter("search"), OpenApiParameter("kind")])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Files of the library, newest first."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> Any:
        asked = self.request.query_params
        return library.files_of(
            self.request.organization, search=asked.get("search", "")[:100], kind=asked.get("kind", "")
        )

    @extend_schema(
        request={"application/json": NewLibraryFile, "multipart/form-data": NewLibraryFile},
        responses={201: LibraryFileSerializer},
    )
    def post(self, request: ApiRequest) -> Response:
        """Keeps a file, to be sent as often as wanted: its id stands in `media` of a message."""
        checked = NewLibraryFile(data=request.data)
        checked.is_valid(raise_exception=True)
        given = checked.validated_data
        try:
            kind = library.checked_kind(given.get("kind", "")) or given_files.kind_of_file(given)
            stored = given_files.take_in(request.organization.pk, kind, given)
            if stored is None:
                raise ValidationError({"file": ["Choose a file."]})
            made = library.keep(
                organization=request.organization,
                stored=stored,
                kind=kind,
                name=given.get("name", ""),
                by=actor_of(request),
            )
        except DjangoValidationError as error:
            raise ValidationError(as_serializer_error(error)) from error
        return Response(LibraryFileSerializer(made, context={"request": request}).data, status=status.HTTP_201_CREATED)


def find(request: ApiRequest, file_id: int) -> LibraryFile:
    return get_object_or_404(library.files_of(request.organization), pk=file_id)


class RenameRequest(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120)


class LibraryFileView(APIView):
    capability = {"GET": VIEW, "PATCH": MANAGE, "DELETE": MANAGE}

    @extend_schema(responses=LibraryFileSerializer)
    def get(self, request: ApiRequest, file_id: int) -> Response:
        return Response(LibraryFileSerializer(find(request, file_id), context={"request": request}).data)

    @extend_schema(request=RenameRequest, responses=LibraryFileSerializer)
    def patch(self, request: ApiRequest, file_id: int) -> Response:
        found = find(request, file_id)
        given = RenameRequest(data=request.data)
        given.is_valid(raise_exception=True)
        library.rename(library_file=found, name=given.validated_data["name"], by=actor_of(request))
        return Response(LibraryFileSerializer(found, context={"request": request}).data)

    @extend_schema(responses={204: None, 409: OpenApiResponse(description="A reminder needs it.")})
    def delete(self, request: ApiRequest, file_id: int) -> Response:
        """Takes it out of the library. Messages that have it keep it."""
        try:
            library.remove(library_file=find(request, file_id), by=actor_of(request))
        except NotAllowed as error:
            raise Conflict(str(error)) from error
        return Response(status=status.HTTP_204_NO_CONTENT)


class LibraryContentView(APIView):
    capability = {"GET": VIEW}

    @extend_schema(responses={(200, "*/*"): OpenApiTypes.BINARY})
    def get(self, request: ApiRequest, file_id: int) -> Any:
        """The file itself."""
        return media_response.respond(find(request, file_id).media)


class LibraryThumbnailView(APIView):
    capability = {"GET": VIEW}

    @extend_schema(
        responses={(200, "image/webp"): OpenApiTypes.BINARY, 409: OpenApiResponse(description="It has none.")}
    )
    def get(self, request: ApiRequest, file_id: int) -> Any:
        """A small picture of the file."""
        found = find(request, file_id)
        if found.thumbnail is None:
            raise Conflict("This file has no small picture.")
        return media_response.respond(found.thumbnail)
