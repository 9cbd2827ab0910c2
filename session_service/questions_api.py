"""What senders can be asked by REST: whether numbers are on WhatsApp, and about groups."""

from typing import Any

from django.db.models import QuerySet
from django.utils.timezone import now
from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import Conflict, actor_of
from accounts.requests import ApiRequest
from contacts.phone_numbers import InvalidNumber, normalise
from messaging.models import Group
from senders.models import Sender
from session_service import groups, number_checks
from session_service.questions import NotAnswered

NUMBERS_A_REQUEST = 50
MEMBERS_OF_A_NEW_GROUP = 50


def sender_of(request: ApiRequest, sender_id: int) -> Sender:
    sender = Sender.objects.for_organization(request.organization).filter(pk=sender_id).first()
    if sender is None:
        raise ValidationError({"sender": [_("There is no such sender.")]})
    return sender


def numbers_from(written: list[str], request: ApiRequest, field: str) -> list[str]:
    numbers, wrong = [], []
    for text in written:
        try:
            numbers.append(normalise(text, request.organization.default_region, allow_fixed_line=True))
        except InvalidNumber as error:
            wrong.append(f"{text}: {error}")
    if wrong:
        raise ValidationError({field: wrong})
    return numbers


class NumbersToCheck(serializers.Serializer[Any]):
    numbers = serializers.ListField(
        child=serializers.CharField(max_length=40), min_length=1, help_text="As people write them; at most 50."
    )
    sender = serializers.IntegerField(required=False, help_text="Empty: any connected sender asks.")

    def validate_numbers(self, numbers: list[str]) -> list[str]:
        if len(numbers) > NUMBERS_A_REQUEST:
            raise serializers.ValidationError(
                _(
                    "At most %(most)d numbers at a time: WhatsApp bans numbers that look many people up. A campaign needs "
                    "no check; whoever is not on WhatsApp is skipped."
                )
                % {"most": NUMBERS_A_REQUEST}
            )
        return numbers


class CheckedNumber(serializers.Serializer[Any]):
    phone_number = serializers.CharField()
    exists = serializers.BooleanField(allow_null=True, help_text="null: not known yet; ask again after `retry_after`.")
    lid = serializers.CharField(help_text="WhatsApp's other name for the person, where it tells it.")
    checked_at = serializers.DateTimeField(allow_null=True, help_text="When WhatsApp was asked.")


class CheckedNumbers(serializers.Serializer[Any]):
    results = CheckedNumber(many=True)
    retry_after = serializers.IntegerField(
        allow_null=True, help_text="Seconds until more numbers may be asked about, where some could not."
    )


class CheckNumbersView(APIView):
    capability = {"POST": "messages.manage"}

    @extend_schema(
        request=NumbersToCheck,
        responses={200: CheckedNumbers, 409: OpenApiResponse(description="No session can ask now.")},
    )
    def post(self, request: ApiRequest) -> Response:
        """Says whether numbers are on WhatsApp. What was asked in the last days is known; the rest is asked slowly."""
        given = NumbersToCheck(data=request.data)
        given.is_valid(raise_exception=True)
        numbers = numbers_from(given.validated_data["numbers"], request, "numbers")
        sender_id = given.validated_data.get("sender")
        sender = sender_of(request, sender_id) if sender_id is not None else None
        try:
            answers = number_checks.check(organization=request.organization, numbers=numbers, sender=sender)
        except NotAnswered as error:
            raise Conflict(str(error)) from error
        waiting = answers.again_at and max(1, round((answers.again_at - now()).total_seconds()))
        results = [
            answers.found.get(number) or {"phone_number": number, "exists": None, "lid": "", "checked_at": None}
            for number in numbers
        ]
        return Response(
            {"results": CheckedNumber(results, many=True).data, "retry_after": waiting},
            headers={"Retry-After": str(waiting)} if waiting else None,
        )


class GroupSerializer(serializers.ModelSerializer[Group]):
    class Meta:
        model = Group
        fields = ("id", "sender", "whatsapp_id", "subject", "created_at", "updated_at", "left_at")


class Member(serializers.Serializer[Any]):
    phone_number = serializers.CharField(help_text="Empty where WhatsApp shows the LID only.")
    lid = serializers.CharField()
    name = serializers.CharField()
    is_admin = serializers.BooleanField()


class Members(serializers.Serializer[Any]):
    members = Member(many=True)
    as_of = serializers.DateTimeField(source="members_at")


class NewGroup(serializers.Serializer[Any]):
    sender = serializers.IntegerField(help_text="Whose group it is.")
    subject = serializers.CharField(max_length=100)
    members = serializers.ListField(
        child=serializers.CharField(max_length=40),
        min_length=1,
        max_length=MEMBERS_OF_A_NEW_GROUP,
        help_text="Phone numbers as people write them. Those whom WhatsApp refuses are not in the answer's members.",
    )


class GroupsView(ListAPIView[Group]):
    """The WhatsApp groups of the senders, newest first."""

    capability = {"GET": "messages.view", "POST": "messages.manage"}
    serializer_class = GroupSerializer
    request: ApiRequest

    @extend_schema(
        parameters=[
            OpenApiParameter("sender", int, description="Only the groups of this sender."),
            OpenApiParameter("refresh", bool, description="Ask WhatsApp first; takes a sender."),
        ]
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        if self.request.query_params.get("refresh") in ("true", "1"):
            try:
                groups.refresh(sender=self._sender())
            except NotAnswered as error:
                raise Conflict(str(error)) from error
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Group]:
        found = Group.objects.for_organization(self.request.organization)
        return found.filter(sender=self._sender()) if "sender" in self.request.query_params else found

    def _sender(self) -> Sender:
        wanted = self.request.query_params.get("sender", "")
        return sender_of(self.request, int(wanted) if wanted.isdecimal() and len(wanted) < 18 else 0)

    @extend_schema(
        request=NewGroup,
        responses={201: GroupSerializer, 409: OpenApiResponse(description="The sender cannot be asked now.")},
    )
    def post(self, request: ApiRequest) -> Response:
        """Makes a group on WhatsApp."""
        given = NewGroup(data=request.data)
        given.is_valid(raise_exception=True)
        sender = sender_of(request, given.validated_data["sender"])
        numbers = numbers_from(given.validated_data["members"], request, "members")
        subject = given.validated_data["subject"]
        try:
            group = groups.create(sender=sender, subject=subject, numbers=numbers, by=actor_of(request))
        except groups.Refused as error:
            raise ValidationError({error.field: [str(error)]}) from error
        except NotAnswered as error:
            raise Conflict(str(error)) from error
        return Response(GroupSerializer(group).data, status=status.HTTP_201_CREATED)


class GroupMembersView(APIView):
    capability = {"GET": "messages.view"}

    @extend_schema(
        responses={
            200: Members,
            409: OpenApiResponse(description="They were never asked for, and the sender cannot be asked now."),
        }
    )
    def get(self, request: ApiRequest, group_id: int) -> Response:
        """The members as WhatsApp says now, or, while the sender is not connected, as it said at `as_of`."""
        group = get_object_or_404(Group.objects.for_organization(request.organization), pk=group_id)
        try:
            groups.refresh_members(group=group)
        except NotAnswered as error:
            if group.members_at is None:
                raise Conflict(str(error)) from error
        return Response(Members(group).data)
