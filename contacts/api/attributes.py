"""Attributes of contacts by REST."""

from typing import Any

from django.core.exceptions import ValidationError as DjangoValidationError
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import get_object_or_404
from rest_framework.response import Response
from rest_framework.serializers import as_serializer_error
from rest_framework.views import APIView

from accounts.api import actor_of
from accounts.requests import ApiRequest
from contacts import attributes, tasks
from contacts.api import MANAGE, VIEW
from contacts.columns import variable_key
from contacts.models import AttributeDefinition, AttributeKind


class AttributeSerializer(serializers.ModelSerializer[AttributeDefinition]):
    class Meta:
        model = AttributeDefinition
        fields = ("key", "label", "kind", "wanted_kind", "created_at")


class NewAttribute(serializers.Serializer[Any]):
    label = serializers.CharField(max_length=200, help_text="Its name; the variable is made of it.")  # type: ignore[assignment]
    kind = serializers.ChoiceField(choices=AttributeKind.choices, default=AttributeKind.TEXT)


class ChangedAttribute(serializers.Serializer[Any]):
    label = serializers.CharField(max_length=200, required=False, allow_blank=True)  # type: ignore[assignment]
    kind = serializers.ChoiceField(choices=AttributeKind.choices, required=False)


class CheckSerializer(serializers.Serializer[Any]):
    people = serializers.IntegerField(help_text="Contacts that have a value.")
    misfits = serializers.IntegerField(help_text="Of them, those whose value does not fit.")
    examples = serializers.ListField(
        child=serializers.ListField(), help_text="Such values with how many people have each."
    )


def _find(request: ApiRequest, key: str) -> AttributeDefinition:
    found = AttributeDefinition.objects.for_organization(request.organization).select_related("organization")
    return get_object_or_404(found, key=key)


class AttributesView(APIView):
    capability = {"GET": VIEW, "POST": MANAGE}

    @extend_schema(responses=AttributeSerializer(many=True), operation_id="contact_attributes_list")
    def get(self, request: ApiRequest) -> Response:
        """Every attribute of the organization's contacts, with its type."""
        found = AttributeDefinition.objects.for_organization(request.organization)
        return Response(AttributeSerializer(found, many=True).data)

    @extend_schema(request=NewAttribute, responses={201: AttributeSerializer})
    def post(self, request: ApiRequest) -> Response:
        given = NewAttribute(data=request.data)
        given.is_valid(raise_exception=True)
        try:
            made = attributes.create_definition(
                organization=request.organization,
                key=variable_key(given.validated_data["label"]),
                by=actor_of(request),
                **given.validated_data,
            )
        except DjangoValidationError as error:
            raise ValidationError(as_serializer_error(error)) from error
        return Response(AttributeSerializer(made).data, status=status.HTTP_201_CREATED)


class AttributeView(APIView):
    capability = {"PATCH": MANAGE}

    @extend_schema(request=ChangedAttribute, responses=AttributeSerializer)
    def patch(self, request: ApiRequest, key: str) -> Response:
        """Renames it, or asks for another type: `wanted_kind` says so until all values are rewritten. Values that do not
        fit stay as they are, and count as none where numbers or dates are compared."""
        definition = _find(request, key)
        given = ChangedAttribute(data=request.data)
        given.is_valid(raise_exception=True)
        if "label" in given.validated_data:
            attributes.rename_label(definition=definition, label=given.validated_data["label"], by=actor_of(request))
        if kind := given.validated_data.get("kind"):
            try:
                attributes.want_kind(definition=definition, kind=kind, by=actor_of(request))
            except DjangoValidationError as error:
                raise ValidationError(as_serializer_error(error)) from error
            tasks.convert_attribute.delay_on_commit(definition.pk)
        return Response(AttributeSerializer(definition).data)


class AttributeCheckView(APIView):
    capability = {"GET": VIEW}

    @extend_schema(responses=CheckSerializer)
    def get(self, request: ApiRequest, key: str, kind: str) -> Response:
        """What another type would mean for the values there are; nothing is changed."""
        if kind not in AttributeKind.values:
            raise ValidationError({"kind": [f"There is no type {kind}. Types are {', '.join(AttributeKind.values)}."]})
        return Response(CheckSerializer(attributes.check_kind(_find(request, key), kind)).data)
