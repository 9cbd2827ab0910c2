"""List imports by REST."""

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import Conflict, actor_of
from accounts.requests import ApiRequest
from contacts import queries, services, tasks
from contacts.api import MANAGE, VIEW
from contacts.models import ImportedRow, ListImport
from contacts.sheet_errors import SheetError

REJECTED_ROWS_SHOWN = 100


class NewImport(serializers.Serializer[Any]):
    file = serializers.FileField(allow_empty_file=True, help_text="A sheet (.xlsx, .xls, .ods or CSV) with a header row.")
    list = serializers.CharField(
        required=False,
        max_length=120,
        help_text="The id of a list, or a name: a new list is made where there is none.",
    )
    commit = serializers.BooleanField(
        default=True, help_text="false: only read it; nothing changes until POST …/commit."
    )


class RejectedRow(serializers.Serializer[Any]):
    row_number = serializers.IntegerField(help_text="As Excel shows it.")
    phone_as_written = serializers.CharField()
    problem = serializers.ChoiceField(choices=[choice for choice in ImportedRow.Problem.choices if choice[0]])


class ImportSerializer(serializers.ModelSerializer[ListImport]):
    """How far an import is, and what came of it. Counts are of rows under the header."""

    id = serializers.IntegerField()
    rows = serializers.IntegerField()
    rows_read = serializers.IntegerField()
    error = serializers.CharField(required=False, help_text="Only where it failed.")
    rejected_rows = serializers.SerializerMethodField(help_text="The first rows without a usable number.")

    class Meta:
        model = ListImport
        fields = (
            *("id", "status", "file_name", "rows", "rows_read", "blank_rows", "created", "updated", "merged"),
            *("invalid", "blocked", "error", "rejected_rows"),
        )

    @extend_schema_field(RejectedRow(many=True))
    def get_rejected_rows(self, state: dict[str, Any]) -> Any:
        return state["rejected_rows"]


def described(list_import: ListImport) -> dict[str, Any]:
    rejected = queries.rejected_rows(list_import)[:REJECTED_ROWS_SHOWN]
    return {**queries.import_state(list_import), "rejected_rows": RejectedRow(rejected, many=True).data}


class ImportsView(APIView):
    """Takes in a sheet and answers before it is read: ask for its status, or watch the topic `import.<id>`."""

    capability = {"POST": MANAGE}
    parser_classes = (MultiPartParser, FormParser)

    @extend_schema(request={"multipart/form-data": NewImport}, responses={202: ImportSerializer})
    def post(self, request: ApiRequest) -> Response:
        given = NewImport(data=request.data)
        given.is_valid(raise_exception=True)
        file = given.validated_data["file"]
        try:
            list_import = services.start_import(
                organization=request.organization,
                file=file,
                file_name=file.name,
                list_name=given.validated_data.get("list", ""),
                commit=given.validated_data["commit"],
                by=actor_of(request),
            )
        except SheetError as error:
            raise ValidationError({"file": [str(error)]}) from error
        tasks.run_import.delay_on_commit(list_import.pk)
        return Response(described(list_import), status=status.HTTP_202_ACCEPTED)


def find_import(request: ApiRequest, import_id: int) -> ListImport:
    return get_object_or_404(queries.imports_of(request.organization), pk=import_id)


class ImportView(APIView):
    capability = {"GET": VIEW}

    @extend_schema(responses=ImportSerializer)
    def get(self, request: ApiRequest, import_id: int) -> Response:
        return Response(described(find_import(request, import_id)))


class CommitImportView(APIView):
    """Writes the people of an import that is `ready` to contacts."""

    capability = {"POST": MANAGE}

    @extend_schema(request=None, responses={202: ImportSerializer})
    def post(self, request: ApiRequest, import_id: int) -> Response:
        list_import = find_import(request, import_id)
        try:
            services.commit_import(list_import=list_import)
        except services.NotAllowed as error:
            raise Conflict(str(error)) from error
        tasks.run_import.delay_on_commit(list_import.pk)
        list_import.refresh_from_db()
        return Response(described(list_import), status=status.HTTP_202_ACCEPTED)


class CancelImportView(APIView):
    """Drops an import that has not written anything to contacts yet."""

    capability = {"POST": MANAGE}

    @extend_schema(request=None, responses=ImportSerializer)
    def post(self, request: ApiRequest, import_id: int) -> Response:
        list_import = find_import(request, import_id)
        try:
            services.cancel_import(list_import=list_import)
        except services.NotAllowed as error:
            raise Conflict(str(error)) from error
        list_import.refresh_from_db()
        return Response(described(list_import))
