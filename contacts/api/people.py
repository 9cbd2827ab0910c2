"""Contacts by REST."""

from typing import Any, TypeVar

from django.db.models import QuerySet
from django.http import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import Conflict, actor_of
from accounts.permissions import capabilities_of
from accounts.requests import ApiRequest
from contacts import bulk, exports, merges, people, queries, services, timeline
from contacts.api import MANAGE, VIEW
from contacts.api.fields import reported
from contacts.models import Contact, ContactList, ContactMerge, OtherNumber, Segment
from contacts.segments.trees import InvalidFilter

FILTERS = [
    OpenApiParameter("search", str, description="Words of a name, or a number or a part of it."),
    OpenApiParameter("list", int, description="Only the contacts of this list."),
    OpenApiParameter("tag", str, description="Only those with this tag."),
    OpenApiParameter("segment", int, description="Only those who are in this segment now."),
]


class ContactSerializer(serializers.ModelSerializer[Contact]):
    class Meta:
        model = Contact
        fields = ("id", "phone_number", "lid", "name", "attributes", "tags", "created_at", "updated_at")


class OtherNumberSerializer(serializers.ModelSerializer[OtherNumber]):
    class Meta:
        model = OtherNumber
        fields = ("id", "phone_number", "lid")


class ListOfContactSerializer(serializers.ModelSerializer[ContactList]):
    class Meta:
        model = ContactList
        fields = ("id", "name")


class FullContactSerializer(ContactSerializer):
    lists = ListOfContactSerializer(many=True, read_only=True)
    other_numbers = OtherNumberSerializer(many=True, read_only=True)
    blocked = serializers.SerializerMethodField(help_text="blocked, opted_out, or empty.")

    class Meta(ContactSerializer.Meta):
        fields = (*ContactSerializer.Meta.fields, "lists", "other_numbers", "blocked")  # type: ignore[assignment]

    @extend_schema_field(str)
    def get_blocked(self, contact: Contact) -> str:
        return queries.blocked_among(contact.organization, [contact.phone_number]).get(contact.phone_number, "")


class ContactFields(serializers.Serializer[Any]):
    """What a program may say of a person. Services check the values."""

    name = serializers.CharField(required=False, allow_blank=True, help_text="At most 200 characters.")
    attributes = serializers.DictField(
        required=False, help_text="Texts by name; names become variables, such as City to city."
    )
    tags = serializers.ListField(child=serializers.CharField(), required=False)


class NewContact(ContactFields):
    phone_number = serializers.CharField(help_text="As people write it.")
    list = serializers.CharField(
        required=False, allow_blank=True, help_text="The id or the name of a list that they come on; made where new."
    )


class ChangedContact(ContactFields):
    phone_number = serializers.CharField(required=False, help_text="As people write it.")
    keep_number = serializers.BooleanField(
        required=False, default=False, help_text="The former number stays with the contact as another one."
    )


class ContactsView(ListAPIView[Contact]):
    """People, newest first."""

    capability = {"GET": VIEW, "POST": MANAGE}
    serializer_class = ContactSerializer
    request: ApiRequest

    @extend_schema(parameters=FILTERS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Contact]:
        return filtered(self.request)

    @extend_schema(request=NewContact, responses={200: FullContactSerializer, 201: FullContactSerializer})
    def post(self, request: ApiRequest) -> Response:
        """Adds a person, or changes who has the number: repeats change nothing. Values that are given win over those
        known, empty ones leave them, and tags are added. 201 where the person is new, else 200."""
        given = NewContact(data=request.data)
        given.is_valid(raise_exception=True)
        fields = given.validated_data
        chosen = services.find_or_create_list(organization=request.organization, name_or_id=fields.pop("list", ""))
        by = actor_of(request)
        [row] = bulk.upsert(organization=request.organization, rows=[fields], contact_list=chosen, by=by)
        if row.errors:
            raise ValidationError(row.errors)
        contact = Contact.objects.for_organization(request.organization).get(pk=row.contact_id or 0)
        code = status.HTTP_201_CREATED if row.status == bulk.CREATED else status.HTTP_200_OK
        return Response(FullContactSerializer(contact).data, status=code)


def filtered(request: ApiRequest) -> QuerySet[Contact]:
    """The people that the query of an address is about."""
    asked = request.query_params
    try:
        return queries.contacts(
            request.organization,
            search=asked.get("search", "")[:100],
            contact_list=_named(request, ContactList, "list"),
            tag=asked.get("tag", ""),
            segment=_named(request, Segment, "segment"),
        )
    except InvalidFilter as error:
        raise Conflict("This segment asks for something that is no longer there. Change it first.") from error


Named = TypeVar("Named", ContactList, Segment)


def _named(request: ApiRequest, model: type[Named], name: str) -> Named | None:
    """The list or segment whose id stands in the address; None where none does."""
    if not (wanted := request.query_params.get(name)):
        return None
    number = int(wanted) if wanted.isdecimal() and len(wanted) < 18 else 0
    return get_object_or_404(model.objects.for_organization(request.organization), pk=number)


def contact_or_404(request: ApiRequest, contact_id: int) -> Contact:
    return get_object_or_404(Contact.objects.for_organization(request.organization), pk=contact_id)


class ContactView(APIView):
    capability = {"GET": VIEW, "PATCH": MANAGE, "DELETE": MANAGE}

    @extend_schema(responses=FullContactSerializer)
    def get(self, request: ApiRequest, contact_id: int) -> Response:
        return Response(FullContactSerializer(contact_or_404(request, contact_id)).data)

    @extend_schema(request=ChangedContact, responses=FullContactSerializer)
    def patch(self, request: ApiRequest, contact_id: int) -> Response:
        """Changes what is given. Attributes are merged, one that is null goes; tags become those that are given."""
        contact = contact_or_404(request, contact_id)
        given = ChangedContact(data=request.data)
        given.is_valid(raise_exception=True)
        fields = given.validated_data
        with reported():
            contact = people.change(
                contact=contact,
                name=fields.get("name"),
                phone_number=fields.get("phone_number"),
                attributes=fields.get("attributes"),
                tag_names=fields.get("tags"),
                keep_number=fields["keep_number"],
                by=actor_of(request),
            )
        return Response(FullContactSerializer(contact).data)

    @extend_schema(responses={204: None})
    def delete(self, request: ApiRequest, contact_id: int) -> Response:
        """Removes a contact with its lists and its history. Messages and the blocklist stay: to erase everything that
        is known of a person, erase them."""
        contact = contact_or_404(request, contact_id)
        people.delete(organization=request.organization, contact_ids=[contact.pk], by=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


# -- Many at once --


class BulkRequest(serializers.Serializer[Any]):
    contacts = serializers.ListField(
        child=serializers.DictField(),
        allow_empty=False,
        max_length=bulk.MOST_ROWS,
        help_text='Each {"phone_number", "name"?, "attributes"?, "tags"?}, as for one contact.',
    )
    list = serializers.CharField(
        required=False, allow_blank=True, help_text="The id or the name of a list that all come on; made where new."
    )


class BulkResult(serializers.Serializer[Any]):
    status = serializers.ChoiceField(
        choices=[bulk.CREATED, bulk.UPDATED, bulk.UNCHANGED, bulk.MERGED, bulk.INVALID],
        help_text="merged: a later row of the request has the same number.",
    )
    id = serializers.IntegerField(source="contact_id", allow_null=True)
    phone_number = serializers.CharField()
    errors = serializers.DictField(  # type: ignore[assignment]
        child=serializers.ListField(child=serializers.CharField()), help_text="Texts by field, of an invalid row."
    )


class BulkAnswer(serializers.Serializer[Any]):
    created = serializers.IntegerField()
    updated = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    merged = serializers.IntegerField()
    invalid = serializers.IntegerField()
    results = BulkResult(many=True, help_text="One a row, in the order of the request.")


class BulkContactsView(APIView):
    capability = {"POST": MANAGE}

    @extend_schema(request=BulkRequest, responses=BulkAnswer)
    def post(self, request: ApiRequest) -> Response:
        """Adds or changes up to 1,000 people, found by their number. A row that cannot be used says why and keeps
        nobody else from being written. Repeats change nothing."""
        given = BulkRequest(data=request.data)
        given.is_valid(raise_exception=True)
        organization, name = request.organization, given.validated_data.get("list", "")
        chosen = services.find_or_create_list(organization=organization, name_or_id=name)
        by = actor_of(request)
        done = bulk.upsert(
            organization=organization, rows=given.validated_data["contacts"], contact_list=chosen, by=by
        )
        numbers = {each: sum(row.status == each for row in done) for each in _OUTCOMES}
        return Response(BulkAnswer({**numbers, "results": done}).data)


_OUTCOMES = (bulk.CREATED, bulk.UPDATED, bulk.UNCHANGED, bulk.MERGED, bulk.INVALID)


class ExportContactsView(APIView):
    capability = {"GET": VIEW}

    @extend_schema(
        parameters=[
            *FILTERS,
            OpenApiParameter("as", str, enum=["csv", "xlsx"], description="csv where it is left out."),
        ],
        responses={(200, "text/csv"): OpenApiTypes.BINARY},
    )
    def get(self, request: ApiRequest) -> HttpResponseBase:
        """People as a file, with everything that is known of them."""
        wanted = request.query_params.get("as", exports.CSV)
        if wanted not in exports.CONTENT_TYPES:
            raise ValidationError({"as": ["Give csv or xlsx."]})
        found = filtered(request)
        by = actor_of(request)
        try:
            return exports.respond(organization=request.organization, contacts=found, file_type=wanted, by=by)
        except services.NotAllowed as error:
            raise Conflict(str(error)) from error


# -- Timeline --


class TimelineEntry(serializers.Serializer[Any]):
    type = serializers.CharField(help_text="message, event or import.")
    id = serializers.IntegerField()
    at = serializers.DateTimeField()
    data = serializers.DictField(help_text="What the type tells.")  # type: ignore[assignment]


class TimelineAnswer(serializers.Serializer[Any]):
    older = serializers.CharField(help_text="Give it as ?older_than= for what came before; empty at the end.")
    results = TimelineEntry(many=True)


class TimelineView(APIView):
    capability = {"GET": VIEW}

    @extend_schema(
        parameters=[OpenApiParameter("older_than", str, description="`older` of the answer before.")],
        responses=TimelineAnswer,
    )
    def get(self, request: ApiRequest, contact_id: int) -> Response:
        """Everything that happened to a contact, newest first. Messages are among it for keys that may see them."""
        whose = timeline.whose(contact_or_404(request, contact_id))
        cursor = request.query_params.get("older_than", "")
        try:
            page = timeline.page(whose, capabilities=capabilities_of(request.auth), older_than=cursor)
        except ValueError as error:
            raise ValidationError({"older_than": ["Give what `older` of an answer said."]}) from error
        results = [{"type": name, "id": entry.id, "at": entry.at, "data": entry.data} for name, entry in page.rows]
        return Response(TimelineAnswer({"older": page.older, "results": results}).data)


# -- Merging --


class MergeRequest(serializers.Serializer[Any]):
    other = serializers.IntegerField(help_text="The id of the contact that becomes part of this one.")
    take = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        default=list,
        help_text="What the other one's value wins for: name, phone_number, attributes.<name>.",
    )


class MergeAnswer(serializers.Serializer[Any]):
    merge = serializers.IntegerField(help_text="For POST /api/contacts/merges/{id}/undo, within 30 days.")
    contact = FullContactSerializer()


class MergeContactsView(APIView):
    capability = {"POST": MANAGE}

    @extend_schema(request=MergeRequest, responses=MergeAnswer)
    def post(self, request: ApiRequest, contact_id: int) -> Response:
        """Makes another contact part of this one. Both keep their lists, tags and messages; the number that messages do
        not go to stays as another number."""
        kept = contact_or_404(request, contact_id)
        given = MergeRequest(data=request.data)
        given.is_valid(raise_exception=True)
        found = Contact.objects.for_organization(request.organization).filter(pk=given.validated_data["other"])
        if (other := found.first()) is None:
            raise ValidationError({"other": ["There is no such contact."]})
        take = set(given.validated_data["take"])
        by = actor_of(request)
        try:
            done = merges.merge(organization=request.organization, kept=kept, other=other, take=take, by=by)
        except services.NotAllowed as error:
            raise Conflict(str(error)) from error
        return Response(MergeAnswer({"merge": done.pk, "contact": contact_or_404(request, contact_id)}).data)


class UndoMergeView(APIView):
    capability = {"POST": MANAGE}

    @extend_schema(request=None, responses=FullContactSerializer)
    def post(self, request: ApiRequest, merge_id: int) -> Response:
        """Parts two contacts again; answers with the one that comes back."""
        done = get_object_or_404(ContactMerge.objects.for_organization(request.organization), pk=merge_id)
        try:
            parted = merges.undo(done=done, by=actor_of(request))
        except services.NotAllowed as error:
            raise Conflict(str(error)) from error
        return Response(FullContactSerializer(parted).data)


class OtherNumberView(APIView):
    capability = {"DELETE": MANAGE}

    @extend_schema(responses={204: None})
    def delete(self, request: ApiRequest, other_number_id: int) -> Response:
        """Takes another number off a contact: who writes from it is a contact of their own from then on."""
        others = OtherNumber.objects.for_organization(request.organization).select_related("contact")
        other = get_object_or_404(others, pk=other_number_id)
        people.remove_other_number(contact=other.contact, other_id=other.pk, by=actor_of(request))
        return Response(status=status.HTTP_204_NO_CONTENT)
