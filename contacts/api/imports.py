"""List imports by REST."""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from django.db.models import QuerySet
from django.http import FileResponse
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import Conflict, actor_of
from accounts.requests import ApiRequest
from contacts import import_requests, queries, rejected_rows, tags, tasks
from contacts.api import MANAGE, VIEW
from contacts.import_state import FIGURES, state_of
from contacts.models import BlocklistEntry, ImportedRow, ListImport
from contacts.services import NotAllowed
from contacts.sheet_errors import SheetError

REJECTED_ROWS_SHOWN = 100


class Columns(serializers.Serializer[Any]):
    """Which worksheet is read, and what its columns are taken for."""

    sheet = serializers.CharField(
        required=False, allow_blank=True, max_length=100, help_text="Of several worksheets; the first one if left out."
    )
    mapping = serializers.JSONField(
        required=False,
        allow_null=True,
        help_text='What columns are, where the guess is wrong: [{"header": "No. HP", "role": "phone"}, {"index": 2, '
        '"key": "city"}]. Roles: phone, name, country, tags, ignore, attribute. In a form, as JSON text.',
    )


class NewImport(Columns):
    file = serializers.FileField(
        allow_empty_file=True, help_text="A sheet with a header row: .xlsx, .xls, .ods or .csv."
    )
    purpose = serializers.ChoiceField(
        choices=ListImport.Purpose.choices,
        default=ListImport.Purpose.CONTACTS,
        help_text="blocklist: the numbers of the file are never messaged.",
    )
    block_as = serializers.ChoiceField(
        choices=BlocklistEntry.Reason.choices, default=BlocklistEntry.Reason.BLOCKED, help_text="Of a blocklist."
    )
    list = serializers.CharField(
        required=False,
        max_length=120,
        help_text="The id of a list, or a name: a new list is made where there is none.",
    )
    tags = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="For everybody in the file, between commas."
    )
    consent_source = serializers.CharField(
        required=False,
        allow_blank=True,
        default="",
        max_length=200,
        help_text="Everybody in the file agreed to be messaged, and this is where.",
    )
    commit = serializers.BooleanField(
        default=True, help_text="false: only read it; nothing changes until POST …/commit."
    )


class RejectedRow(serializers.Serializer[Any]):
    row_number = serializers.IntegerField(help_text="As Excel shows it.")
    phone_as_written = serializers.CharField()
    problem = serializers.ChoiceField(choices=[choice for choice in ImportedRow.Problem.choices if choice[0]])


class Undo(serializers.Serializer[Any]):
    status = serializers.CharField(help_text="undoing, undone or failed")
    at = serializers.DateTimeField(required=False)
    removed = serializers.IntegerField(required=False, help_text="Contacts, or numbers on the blocklist.")
    restored = serializers.IntegerField(required=False, help_text="Contacts that have former values back.")
    unlisted = serializers.IntegerField(required=False, help_text="Contacts taken off the list.")
    consents = serializers.IntegerField(required=False, help_text="Contacts whose consent is as it was before.")
    kept = serializers.DictField(child=serializers.IntegerField(), required=False, help_text="Contacts by reason.")
    error = serializers.CharField(required=False)


class ImportSerializer(serializers.ModelSerializer[ListImport]):
    """How far an import is, and what came of it.

    `rows` are those under the header: blank, invalid, merged into a later row, and one a person. The people are new
    (`created`), `updated` or `unchanged`: while an import is `ready`, these say what importing it would do. `blocked`
    people are among them, and are never messaged.
    """

    id = serializers.IntegerField()
    rows = serializers.IntegerField()
    rows_read = serializers.IntegerField(help_text="Moves while it is reading.")
    people = serializers.IntegerField()
    people_written = serializers.IntegerField(help_text="Moves while it is importing.")
    listed = serializers.IntegerField(help_text="People who were not on the list before.")
    error = serializers.CharField(required=False, help_text="Only where it failed, or cannot go on.")
    rejected_file = serializers.CharField(
        required=False, help_text="Where the rejected rows can be downloaded (.xlsx), with the reason beside each."
    )
    undo = Undo(required=False, help_text="Only where somebody asked for it.")
    rejected_rows = serializers.SerializerMethodField(help_text="The first rows without a usable number.")

    class Meta:
        model = ListImport
        fields = (
            *("id", "status", "file_name", "purpose", "rows", "rows_read", "people", "people_written"),
            *FIGURES,
            *("error", "rejected_file", "undo", "rejected_rows"),
        )

    @extend_schema_field(RejectedRow(many=True))
    def get_rejected_rows(self, state: dict[str, Any]) -> Any:
        return state["rejected_rows"]


def described(request: ApiRequest, list_import: ListImport) -> dict[str, Any]:
    rejected = list(queries.rejected_rows(list_import)[:REJECTED_ROWS_SHOWN])
    state = state_of(list_import)
    if rejected:
        address = reverse("api:rejected-rows", args=[list_import.pk])
        state["rejected_file"] = request.build_absolute_uri(address)
    return {**state, "rejected_rows": RejectedRow(rejected, many=True).data}


class ImportInList(serializers.ModelSerializer[ListImport]):
    class Meta:
        model = ListImport
        fields = (
            "id",
            "status",
            "file_name",
            "purpose",
            "contact_list",
            "rows",
            *FIGURES,
            "created_at",
            "finished_at",
        )


class ImportsView(ListAPIView[ListImport]):
    """Takes in a sheet and answers before it is read: ask for its status, or watch the topic `import.<id>`."""

    capability = {"GET": VIEW, "POST": MANAGE}
    parser_classes = (MultiPartParser, FormParser)
    serializer_class = ImportInList
    request: ApiRequest

    def get_queryset(self) -> QuerySet[ListImport]:
        return queries.imports_of(self.request.organization)

    @extend_schema(request={"multipart/form-data": NewImport}, responses={202: ImportSerializer})
    def post(self, request: ApiRequest) -> Response:
        given = NewImport(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = dict(given.validated_data)
        file = wanted.pop("file")
        try:
            list_import = import_requests.start_import(
                organization=request.organization,
                file=file,
                file_name=file.name,
                list_name=wanted.pop("list", ""),
                tag_names=_tags(wanted.pop("tags")),
                by=actor_of(request),
                **wanted,
            )
        except SheetError as error:
            raise ValidationError({import_requests.field_of(error): [str(error)]}) from error
        tasks.run_import.delay_on_commit(list_import.pk)
        return Response(described(request, list_import), status=status.HTTP_202_ACCEPTED)


def _tags(written: str) -> list[str]:
    try:
        return tags.split(written)
    except DjangoValidationError as error:
        raise ValidationError({"tags": error.messages}) from error


def find_import(request: ApiRequest, import_id: int) -> ListImport:
    return get_object_or_404(queries.imports_of(request.organization), pk=import_id)


class ImportView(APIView):
    capability = {"GET": VIEW}

    @extend_schema(responses=ImportSerializer)
    def get(self, request: ApiRequest, import_id: int) -> Response:
        return Response(described(request, find_import(request, import_id)))


class RejectedRowsView(APIView):
    """The rows that are left out, as a workbook: as they were, with the reason beside each."""

    capability = {"GET": VIEW}

    @extend_schema(responses={(200, rejected_rows.CONTENT_TYPE): OpenApiTypes.BINARY})
    def get(self, request: ApiRequest, import_id: int) -> FileResponse:
        return rejected_rows.response(find_import(request, import_id))


class ChangeView(APIView):
    """409 where the import's present state does not allow it; the detail says why."""

    capability = {"POST": MANAGE}
    change: Callable[..., None]

    @extend_schema(
        request=None,
        responses={202: ImportSerializer, 409: OpenApiResponse(description="Not now; the detail says why.")},
    )
    def post(self, request: ApiRequest, import_id: int) -> Response:
        return changed(request, import_id, type(self).change)


def changed(request: ApiRequest, import_id: int, change: Callable[..., None], **options: Any) -> Response:
    list_import = find_import(request, import_id)
    try:
        change(list_import=list_import, by=actor_of(request), **options)
    except NotAllowed as error:
        raise Conflict(str(error)) from error
    tasks.run_import.delay_on_commit(list_import.pk)
    list_import.refresh_from_db()
    return Response(described(request, list_import), status=status.HTTP_202_ACCEPTED)


class CommitImportView(ChangeView):
    """Writes the people of an import that is `ready` to contacts."""

    change = staticmethod(import_requests.commit_import)


class UndoImportView(ChangeView):
    """Takes back what an import that is `done` did, as far as nobody has built on it since."""

    change = staticmethod(import_requests.undo_import)


class ImportColumnsView(APIView):
    """Reads an import that is `ready` once more: another worksheet, or with its columns taken for something else."""

    capability = {"POST": MANAGE}
    parser_classes = (JSONParser, MultiPartParser, FormParser)

    @extend_schema(request=Columns, responses={202: ImportSerializer})
    def post(self, request: ApiRequest, import_id: int) -> Response:
        given = Columns(data=request.data)
        given.is_valid(raise_exception=True)
        return changed(request, import_id, import_requests.choose_columns, **given.validated_data)


class CancelImportView(APIView):
    """Drops an import that has not ended. Contacts stay, or become again, as they were."""

    capability = {"POST": MANAGE}

    @extend_schema(request=None, responses=ImportSerializer)
    def post(self, request: ApiRequest, import_id: int) -> Response:
        list_import = find_import(request, import_id)
        try:
            import_requests.cancel_import(list_import=list_import, by=actor_of(request))
        except NotAllowed as error:
            raise Conflict(str(error)) from error
        list_import.refresh_from_db()
        return Response(described(request, list_import))
