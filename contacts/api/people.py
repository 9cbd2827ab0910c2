"""Contacts and lists by REST."""

from typing import Any

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.requests import ApiRequest
from contacts import queries
from contacts.api import VIEW
from contacts.models import Contact, ContactList


class ContactSerializer(serializers.ModelSerializer[Contact]):
    class Meta:
        model = Contact
        fields = ("id", "phone_number", "lid", "name", "attributes", "tags", "created_at", "updated_at")


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
