"""Exports and erasures of one person, by REST. These take the right to manage the organization."""

from typing import Any

from django.db.models import QuerySet
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import actor_of
from accounts.requests import ApiRequest
from contacts import erasure, person_export, tasks
from contacts.models import Contact, Erasure
from contacts.phone_numbers import InvalidNumber

MANAGE = "organization.manage"


class ErasureSerializer(serializers.ModelSerializer[Erasure]):
    status = serializers.CharField(read_only=True, help_text="waiting, removing or done")

    class Meta:
        model = Erasure
        fields = ("id", "status", "waits_for", "stays_unreachable", "removed", "created_at", "finished_at")
        read_only_fields = fields


class NewErasure(serializers.Serializer[Any]):
    """Who: `phone_number` or `contact`."""

    phone_number = serializers.CharField(max_length=100, required=False, help_text="As people write it.")
    contact = serializers.IntegerField(required=False, help_text="The id of the contact.")
    stays_unreachable = serializers.BooleanField(
        default=True,
        help_text="Never message the number again, should it come back. Who is on the blocklist stays so in any case.",
    )

    def validate(self, given: dict[str, Any]) -> dict[str, Any]:
        if bool(given.get("phone_number")) == ("contact" in given):
            raise serializers.ValidationError({"phone_number": ["Give the phone number or the contact."]})
        return given


class ErasuresView(ListAPIView[Erasure]):
    """People who were erased, or are being erased, newest first. Who they were is not known any more."""

    capability = {"GET": MANAGE, "POST": MANAGE}
    serializer_class = ErasureSerializer
    request: ApiRequest

    def get_queryset(self) -> QuerySet[Erasure]:
        return Erasure.objects.for_organization(self.request.organization)

    @extend_schema(request=NewErasure, responses={202: ErasureSerializer})
    def post(self, request: ApiRequest) -> Response:
        """Begins to erase everything about a person. It is done when its status says so."""
        given = NewErasure(data=request.data)
        given.is_valid(raise_exception=True)
        values = given.validated_data
        contact = None
        if "contact" in values:
            contact = get_object_or_404(Contact.objects.for_organization(request.organization), pk=values["contact"])
        try:
            asked = erasure.ask_for(
                organization=request.organization,
                phone_number=values.get("phone_number", ""),
                contact=contact,
                stays_unreachable=values["stays_unreachable"],
                by=actor_of(request),
            )
        except InvalidNumber as error:
            raise ValidationError({"phone_number": [str(error)]}) from error
        tasks.run_erasure.delay_on_commit(asked.pk)
        return Response(ErasureSerializer(asked).data, status=status.HTTP_202_ACCEPTED)


class ErasureView(APIView):
    capability = {"GET": MANAGE}

    @extend_schema(responses=ErasureSerializer)
    def get(self, request: ApiRequest, erasure_id: int) -> Response:
        found = get_object_or_404(Erasure.objects.for_organization(request.organization), pk=erasure_id)
        return Response(ErasureSerializer(found).data)


class PersonExportView(APIView):
    capability = {"GET": MANAGE}

    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY})
    def get(self, request: ApiRequest, phone_number: str) -> StreamingHttpResponse:
        """Everything that is kept about a person, as a zip file: data.json, a page to read, and files of messages."""
        try:
            person = erasure.person_of(organization=request.organization, phone_number=phone_number)
        except InvalidNumber as error:
            raise NotFound from error
        if not person_export.is_known(person):
            raise NotFound
        return person_export.response(organization=request.organization, person=person, by=actor_of(request))
