"""Lists and their people by REST."""

from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import Conflict, actor_of
from accounts.requests import ApiRequest
from contacts import lists, queries, services
from contacts.api import MANAGE, VIEW
from contacts.api.fields import reported
from contacts.api.people import ContactSerializer
from contacts.models import Contact, ContactList
from contacts.phone_numbers import find_mobile

MOST_IDS = 10_000


class ContactListSerializer(serializers.ModelSerializer[ContactList]):
    size = serializers.IntegerField(read_only=True, help_text="People on it.")

    class Meta:
        model = ContactList
        fields = ("id", "name", "size", "created_at")
        read_only_fields = ("created_at",)


class NameOfList(serializers.Serializer[Any]):
    name = serializers.CharField(help_text="At most 120 characters; no other list has it.")


class ContactListsView(ListAPIView[ContactList]):
    capability = {"GET": VIEW, "POST": MANAGE}
    serializer_class = ContactListSerializer
    request: ApiRequest

    def get_queryset(self) -> QuerySet[ContactList]:
        return queries.lists_with_sizes(self.request.organization)

    @extend_schema(request=NameOfList, responses={201: ContactListSerializer})
    def post(self, request: ApiRequest) -> Response:
        given = NameOfList(data=request.data)
        given.is_valid(raise_exception=True)
        with reported():
            made = lists.create(organization=request.organization, by=actor_of(request), **given.validated_data)
        return Response(_shown(request, made.pk), status=status.HTTP_201_CREATED)


def _list_or_404(request: ApiRequest, list_id: int) -> ContactList:
    return get_object_or_404(ContactList.objects.for_organization(request.organization), pk=list_id)


def _shown(request: ApiRequest, list_id: int) -> Any:
    return ContactListSerializer(queries.lists_with_sizes(request.organization).get(pk=list_id)).data


class ContactListView(APIView):
    capability = {"GET": VIEW, "PATCH": MANAGE, "DELETE": MANAGE}

    @extend_schema(responses=ContactListSerializer)
    def get(self, request: ApiRequest, list_id: int) -> Response:
        return Response(_shown(request, _list_or_404(request, list_id).pk))

    @extend_schema(request=NameOfList, responses=ContactListSerializer)
    def patch(self, request: ApiRequest, list_id: int) -> Response:
        found = _list_or_404(request, list_id)
        given = NameOfList(data=request.data)
        given.is_valid(raise_exception=True)
        with reported():
            lists.rename(contact_list=found, by=actor_of(request), **given.validated_data)
        return Response(_shown(request, found.pk))

    @extend_schema(responses={204: None})
    def delete(self, request: ApiRequest, list_id: int) -> Response:
        """Its people stay contacts. 409 while a campaign needs the list."""
        found = _list_or_404(request, list_id)
        try:
            lists.delete(contact_list=found, by=actor_of(request))
        except services.NotAllowed as error:
            raise Conflict(str(error)) from error
        return Response(status=status.HTTP_204_NO_CONTENT)


class ListMembers(serializers.Serializer[Any]):
    """Who is meant: by id, by number, or by what a search finds."""

    contacts = serializers.ListField(child=serializers.IntegerField(), required=False, max_length=MOST_IDS)
    phone_numbers = serializers.ListField(
        child=serializers.CharField(max_length=100), required=False, max_length=MOST_IDS
    )
    search = serializers.CharField(required=False, max_length=100, help_text="As in GET /api/contacts.")
    tag = serializers.CharField(required=False, max_length=60)

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if not given:
            raise ValidationError("Name people by contacts, phone_numbers, search or tag.")
        return given


class MembersAnswer(serializers.Serializer[Any]):
    changed = serializers.IntegerField(help_text="How many were put on the list, or taken off.")
    created = serializers.IntegerField(help_text="How many of the numbers became contacts.")
    problems = serializers.ListField(child=serializers.CharField(), help_text="What is no mobile number, as written.")


class MembersView(ListAPIView[Contact]):
    """The people of a list, newest first."""

    capability = {"GET": VIEW, "POST": MANAGE}
    serializer_class = ContactSerializer
    request: ApiRequest

    def get_queryset(self) -> QuerySet[Contact]:
        found = _list_or_404(self.request, self.kwargs["list_id"])
        return queries.contacts(self.request.organization, contact_list=found)

    @extend_schema(request=ListMembers, responses=MembersAnswer)
    def post(self, request: ApiRequest, list_id: int) -> Response:
        """Puts people on the list. Who has a number that nobody has yet becomes a contact."""
        found = _list_or_404(request, list_id)
        given = _members(request)
        by = actor_of(request)
        pasted = lists.Pasted()
        if numbers := given.get("phone_numbers"):
            with reported():
                pasted = lists.add_numbers(contact_list=found, written="\n".join(numbers), by=by)
        chosen = _chosen(request, given)
        changed = pasted.added + sum(lists.add(contact_list=found, contacts=each, by=by) for each in chosen)
        answer = {"changed": changed, "created": pasted.created, "problems": pasted.problems}
        return Response(MembersAnswer(answer).data)


class RemoveMembersView(APIView):
    capability = {"POST": MANAGE}

    @extend_schema(request=ListMembers, responses=MembersAnswer)
    def post(self, request: ApiRequest, list_id: int) -> Response:
        """Takes people off the list; they stay contacts."""
        found = _list_or_404(request, list_id)
        given = _members(request)
        by = actor_of(request)
        region = request.organization.default_region
        read = {written: find_mobile(written, region) for written in given.get("phone_numbers", [])}
        ids = lists.ids_of_numbers(request.organization, [number for number in read.values() if number])
        changed = lists.remove(contact_list=found, contacts=ids, by=by)
        chosen = _chosen(request, given)
        changed += sum(lists.remove(contact_list=found, contacts=each, by=by) for each in chosen)
        problems = [written for written, number in read.items() if number is None]
        return Response(MembersAnswer({"changed": changed, "created": 0, "problems": problems}).data)


def _members(request: ApiRequest) -> dict[str, Any]:
    given = ListMembers(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)


def _chosen(request: ApiRequest, given: dict[str, Any]) -> Iterator[QuerySet[Contact]]:
    """Those of the ids, and those that the search and the tag find."""
    if given.get("contacts"):
        yield Contact.objects.for_organization(request.organization).filter(pk__in=given["contacts"])
    if "search" in given or "tag" in given:
        yield queries.contacts(request.organization, search=given.get("search", ""), tag=given.get("tag", ""))
