"""Tags by REST."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import actor_of
from accounts.requests import ApiRequest
from contacts import tags
from contacts.api import MANAGE, VIEW

MOST_CONTACTS = 10_000  # a request


class TagSerializer(serializers.Serializer[Any]):
    name = serializers.CharField()
    people = serializers.IntegerField(help_text="Contacts that have it.")


class TagChange(serializers.Serializer[Any]):
    contacts = serializers.ListField(child=serializers.IntegerField(), max_length=MOST_CONTACTS, help_text="Ids.")
    add = serializers.ListField(child=serializers.CharField(), required=False, default=list)
    remove = serializers.ListField(child=serializers.CharField(), required=False, default=list)


class TagChanged(serializers.Serializer[Any]):
    added = serializers.IntegerField(help_text="Contacts that got at least one tag.")
    removed = serializers.IntegerField(help_text="Contacts that lost at least one tag.")


class TagsView(APIView):
    capability = {"GET": VIEW, "POST": MANAGE}

    @extend_schema(responses=TagSerializer(many=True), operation_id="contact_tags_list")
    def get(self, request: ApiRequest) -> Response:
        """Every tag of the organization's contacts, with how many have it."""
        known = [{"name": name, "people": people} for name, people in tags.known_tags(request.organization)]
        return Response(TagSerializer(known, many=True).data)

    @extend_schema(request=TagChange, responses=TagChanged)
    def post(self, request: ApiRequest) -> Response:
        """Puts tags on many contacts and takes others off. Ids that are not the organization's are passed over."""
        given = TagChange(data=request.data)
        given.is_valid(raise_exception=True)
        chosen = {
            "organization": request.organization,
            "contact_ids": given.validated_data["contacts"],
            "by": actor_of(request),
        }
        try:
            added = tags.add_tags(tags=given.validated_data["add"], **chosen)
            removed = tags.remove_tags(tags=given.validated_data["remove"], **chosen)
        except DjangoValidationError as error:
            raise ValidationError({"add": error.messages}) from error
        return Response(TagChanged({"added": added, "removed": removed}).data)
