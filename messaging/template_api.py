"""Templates by REST."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import APIView

from accounts.api import actor_of
from accounts.requests import ApiRequest
from messaging import templates
from messaging.given_files import FILE_FIELDS, FileFields, kind_of_file, take_in
from messaging.kinds import Kind
from messaging.models import MessageTemplate, TemplateVersion

VIEW, MANAGE = "campaigns.view", "campaigns.manage"


class GivenTemplate(FileFields):
    name = serializers.CharField(max_length=120)
    folder = serializers.CharField(max_length=80, required=False, allow_blank=True)
    text = serializers.CharField(
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="With {{variables}}; {{variable|otherwise}} where one may be empty. The caption where there is a file.",
    )


class ChangedTemplate(GivenTemplate):
    """What is left out stays as it is."""

    name = serializers.CharField(max_length=120, required=False)
    without_file = serializers.BooleanField(default=False, help_text="Takes the file away.")


class VersionSerializer(serializers.ModelSerializer[TemplateVersion]):
    version = serializers.IntegerField(source="number")
    file_name = serializers.SerializerMethodField()

    class Meta:
        model = TemplateVersion
        fields = ("version", "text", "kind", "file_name", "created_at")
        read_only_fields = fields

    @extend_schema_field(serializers.CharField())
    def get_file_name(self, version: TemplateVersion) -> str:
        return str(version.media) if version.media else ""


class TemplateSerializer(serializers.ModelSerializer[MessageTemplate]):
    text = serializers.CharField()
    kind = serializers.CharField(help_text="text, or that of the file.")
    version = serializers.IntegerField(help_text="The number of the newest version, which this is.")

    class Meta:
        model = MessageTemplate
        fields = ("id", "folder", "name", "version", "text", "kind", "archived_at", "created_at")
        read_only_fields = fields


class TemplatesView(ListAPIView[MessageTemplate]):
    capability = {"GET": VIEW, "POST": MANAGE}
    serializer_class = TemplateSerializer
    parser_classes = (JSONParser, MultiPartParser, FormParser)
    request: ApiRequest

    @extend_schema(
        parameters=[
            OpenApiParameter("search", str, description="Part of the name or of the text."),
            OpenApiParameter("folder", str),
        ]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[MessageTemplate]:
        asked = self.request.query_params
        return templates.templates_of(
            self.request.organization, search=asked.get("search", ""), folder=asked.get("folder")
        )

    @extend_schema(
        request={"application/json": GivenTemplate, "multipart/form-data": GivenTemplate},
        responses={201: TemplateSerializer},
    )
    def post(self, request: ApiRequest) -> Response:
        checked = GivenTemplate(data=request.data)
        checked.is_valid(raise_exception=True)
        given = checked.validated_data
        try:
            made = templates.create_template(
                organization=request.organization,
                name=given["name"],
                folder=given.get("folder", ""),
                text=given.get("text", ""),
                by=actor_of(request),
                **_file_of(request, given),
            )
        except DjangoValidationError as error:
            raise ValidationError(as_serializer_error(error)) from error
        return Response(_described(request, made.pk), status=status.HTTP_201_CREATED)


class TemplateView(APIView):
    capability = {"GET": VIEW, "PATCH": MANAGE, "DELETE": MANAGE}
    parser_classes = (JSONParser, MultiPartParser, FormParser)

    @extend_schema(responses=TemplateSerializer)
    def get(self, request: ApiRequest, template_id: int) -> Response:
        return Response(_described(request, template_id))

    @extend_schema(
        request={"application/json": ChangedTemplate, "multipart/form-data": ChangedTemplate},
        responses=TemplateSerializer,
    )
    def patch(self, request: ApiRequest, template_id: int) -> Response:
        """Renames or moves it, and writes a new version where the text or the file changes."""
        found = _find(request, template_id)
        checked = ChangedTemplate(data=request.data)
        checked.is_valid(raise_exception=True)
        given, newest = checked.validated_data, templates.newest_version(found)
        content = _file_of(request, given)
        if content["media"] is None and not given["without_file"]:
            content = {"media": newest.media, "kind": newest.kind}
        try:
            templates.change_template(
                template=found,
                name=given.get("name", found.name),
                folder=given.get("folder", found.folder),
                text=given.get("text", newest.text),
                by=actor_of(request),
                **content,
            )
        except DjangoValidationError as error:
            raise ValidationError(as_serializer_error(error)) from error
        return Response(_described(request, template_id))

    @extend_schema(responses={204: None})
    def delete(self, request: ApiRequest, template_id: int) -> Response:
        """Puts it into the archive: what was made with it still shows what it said."""
        templates.archive_template(template=_find(request, template_id), by=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class TemplateVersionsView(ListAPIView[TemplateVersion]):
    """What the template said over time, the newest first."""

    capability = {"GET": VIEW}
    serializer_class = VersionSerializer
    request: ApiRequest

    def get_queryset(self) -> QuerySet[TemplateVersion]:
        return _find(self.request, self.kwargs["template_id"]).versions.select_related("media")


def _find(request: ApiRequest, template_id: int) -> MessageTemplate:
    return get_object_or_404(MessageTemplate.objects.for_organization(request.organization), pk=template_id)


def _described(request: ApiRequest, template_id: int) -> dict[str, Any]:
    archived = _find(request, template_id).archived_at is not None
    found = templates.templates_of(request.organization, archived=archived).get(pk=template_id)
    return dict(TemplateSerializer(found).data)


def _file_of(request: ApiRequest, given: dict[str, Any]) -> dict[str, Any]:
    if not any(field in given for field in FILE_FIELDS):
        return {"media": None, "kind": Kind.TEXT}
    kind = kind_of_file(given)
    return {"media": take_in(request.organization.pk, kind, given), "kind": kind}
