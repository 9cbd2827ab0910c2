"""Contacts, lists, imports and the blocklist by REST."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import Conflict, actor_of
from accounts.models import ApiKey, Organization
from accounts.requests import ApiRequest
from contacts import queries, services, tasks
from contacts.models import BlocklistEntry, Contact, ContactList, ListImport
from contacts.phone_numbers import InvalidNumber, normalise
from contacts.uploads import SheetError

VIEW, MANAGE = "contacts.view", "contacts.manage"
REJECTED_ROWS_SHOWN = 100


def number_from(written: str, organization: Organization) -> str:
    """The number in E.164. Raises ValidationError."""
    try:
        return normalise(written, organization.default_region)
    except InvalidNumber as error:
        raise serializers.ValidationError(str(error)) from error


class ContactSerializer(serializers.ModelSerializer[Contact]):
    class Meta:
        model = Contact
        fields = ("id", "phone_number", "lid", "name", "attributes", "created_at", "updated_at")


class ContactsView(ListAPIView[Contact]):
    """People, newest first. `search` is part of a name or of a number."""

    capability = {"GET": VIEW}
    serializer_class = ContactSerializer
    request: ApiRequest

    @extend_schema(
        parameters=[
            OpenApiParameter("search", str),
            OpenApiParameter("list", int, description="Only the contacts of this list."),
        ]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Contact]:
        contact_list = None
        if wanted := self.request.query_params.get("list"):
            lists = ContactList.objects.for_organization(self.request.organization)
            contact_list = get_object_or_404(lists, pk=int(wanted) if wanted.isdecimal() else 0)
        search = self.request.query_params.get("search", "")
        return queries.contacts(self.request.organization, search=search, contact_list=contact_list)


class ContactListSerializer(serializers.ModelSerializer[ContactList]):
    size = serializers.IntegerField(read_only=True, help_text="People on it.")

    class Meta:
        model = ContactList
        fields = ("id", "name", "size", "created_at")
        read_only_fields = ("created_at",)


class ContactListsView(ListAPIView[ContactList]):
    capability = {"GET": VIEW}
    serializer_class = ContactListSerializer
    request: ApiRequest

    def get_queryset(self) -> QuerySet[ContactList]:
        return queries.lists_with_sizes(self.request.organization)


class NewImport(serializers.Serializer[Any]):
    file = serializers.FileField(allow_empty_file=True, help_text="An Excel workbook (.xlsx) with a header row.")
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
    problem = serializers.CharField(help_text="no_number or invalid_number")


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


class BlocklistEntrySerializer(serializers.ModelSerializer[BlocklistEntry]):
    class Meta:
        model = BlocklistEntry
        fields = ("phone_number", "reason", "source", "created_at")


class NewBlocklistEntry(serializers.Serializer[Any]):
    phone_number = serializers.CharField(max_length=100, help_text="As people write it.")
    reason = serializers.ChoiceField(choices=BlocklistEntry.Reason.choices, default=BlocklistEntry.Reason.BLOCKED)
    source = serializers.CharField(  # type: ignore[assignment]  # our field, not the serializer's own attribute
        required=False, allow_blank=True, max_length=200, help_text="Who asked for it."
    )


class BlocklistView(ListAPIView[BlocklistEntry]):
    """Numbers that are never messaged."""

    capability = {"GET": VIEW, "POST": MANAGE}
    serializer_class = BlocklistEntrySerializer
    request: ApiRequest

    def get_queryset(self) -> QuerySet[BlocklistEntry]:
        return queries.blocklist(self.request.organization, search=self.request.query_params.get("search", ""))

    @extend_schema(request=NewBlocklistEntry, responses={200: BlocklistEntrySerializer, 201: BlocklistEntrySerializer})
    def post(self, request: ApiRequest) -> Response:
        """Blocks a number at once, also for messages that are already planned. 200 where it was blocked before."""
        given = NewBlocklistEntry(data=request.data)
        given.is_valid(raise_exception=True)
        by = actor_of(request)
        given.validated_data.setdefault("source", f"API: {by.name}" if isinstance(by, ApiKey) else "")
        try:
            entry, is_new = services.block(organization=request.organization, by=by, **given.validated_data)
        except InvalidNumber as error:
            raise ValidationError({"phone_number": [str(error)]}) from error
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(BlocklistEntrySerializer(entry).data, status=code)


class BlockedNumberView(APIView):
    capability = {"DELETE": MANAGE}

    @extend_schema(responses={204: None})
    def delete(self, request: ApiRequest, phone_number: str) -> Response:
        """Takes a number off the blocklist. It may be messaged again."""
        try:
            found = services.unblock(
                organization=request.organization, phone_number=phone_number, by=actor_of(request)
            )
        except InvalidNumber:
            found = False
        return Response(status=status.HTTP_204_NO_CONTENT if found else status.HTTP_404_NOT_FOUND)
