"""Broadcast lists by REST."""

from typing import Any

from django.db.models import Count, QuerySet
from django.urls import reverse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import ValidationError
from rest_framework.generics import ListAPIView, get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import Conflict, actor_of
from accounts.permissions import capabilities_of
from accounts.requests import ApiRequest
from broadcasts import approval, members, queries, services
from broadcasts.api_content import ContentFields, taken_content
from broadcasts.models import Broadcast, BroadcastList, BroadcastMember
from contacts.api.fields import reported
from contacts.models import ContactList, Segment
from contacts.segments.trees import InvalidFilter
from messaging import batch_api
from messaging.batch_api import BatchSerializer
from messaging.sends import InvalidPlan
from messaging.services import NotAllowed
from messaging.tasks import plan
from senders.models import Sender

VIEW, MANAGE = "messages.view", "messages.manage"


class NewBroadcastMembers(serializers.Serializer[Any]):
    """Whom to add: numbers, contacts, and whoever is on lists and in segments at this moment."""

    numbers = serializers.ListField(
        child=serializers.CharField(max_length=100),
        required=False,
        max_length=members.MOST_MEMBERS,
        help_text="As people write them.",
    )
    contacts = serializers.ListField(child=serializers.IntegerField(), required=False, max_length=10_000)
    lists = serializers.ListField(child=serializers.IntegerField(), required=False, max_length=50)
    segments = serializers.ListField(child=serializers.IntegerField(), required=False, max_length=50)


class NewList(NewBroadcastMembers):
    name = serializers.CharField(max_length=120)
    sender = serializers.IntegerField(required=False, allow_null=True, help_text="All senders where it is left out.")
    gap_seconds = serializers.IntegerField(default=10, help_text="Pause between groups.")


class ListChange(serializers.Serializer[Any]):
    name = serializers.CharField(max_length=120, required=False)
    sender = serializers.IntegerField(required=False, allow_null=True)
    gap_seconds = serializers.IntegerField(required=False)


class ListGroup(serializers.Serializer[Any]):
    index = serializers.IntegerField(help_text="From 0.")
    members = serializers.IntegerField(help_text="At this moment.")
    status = serializers.CharField(help_text="In the newest broadcast: waiting, sending, sent, cancelled; else ready.")


class ListSerializer(serializers.ModelSerializer[BroadcastList]):
    members = serializers.IntegerField(source="size", help_text="How many people are on it.")
    url = serializers.SerializerMethodField(help_text="The page of the list.")

    class Meta:
        model = BroadcastList
        fields: tuple[str, ...] = ("id", "name", "sender", "gap_seconds", "members", "url", "created_at")
        read_only_fields: tuple[str, ...] = fields

    def get_url(self, row: BroadcastList) -> str:
        page = reverse("broadcasts:detail", args=[row.organization.slug, row.pk])
        return str(self.context["request"].build_absolute_uri(page))


class ListAnswer(ListSerializer):
    groups = serializers.SerializerMethodField()
    batch = serializers.SerializerMethodField(help_text="The id of the newest broadcast's batch.")

    class Meta(ListSerializer.Meta):
        fields: tuple[str, ...] = (*ListSerializer.Meta.fields, "groups", "batch")
        read_only_fields: tuple[str, ...] = fields

    def get_groups(self, row: BroadcastList) -> list[dict[str, Any]]:
        return list(ListGroup(queries.groups_of(row), many=True).data)

    def get_batch(self, row: BroadcastList) -> int | None:
        newest = queries.newest_broadcast(row)
        return newest.batch_id if newest is not None else None


class AddedAnswer(ListAnswer):
    added = serializers.IntegerField()
    problems = serializers.ListField(child=serializers.CharField(), help_text="What was no mobile number, as written.")

    class Meta(ListAnswer.Meta):
        fields = (*ListAnswer.Meta.fields, "added", "problems")
        read_only_fields = fields


def lists_of(request: ApiRequest) -> QuerySet[BroadcastList]:
    mine = BroadcastList.objects.for_organization(request.organization).select_related("organization", "sender")
    return mine.annotate(size=Count("members"))


def find(request: ApiRequest, list_id: int) -> BroadcastList:
    return get_object_or_404(lists_of(request), pk=list_id)


def described(request: ApiRequest, list_id: int) -> dict[str, Any]:
    return dict(ListAnswer(find(request, list_id), context={"request": request}).data)


def sender_of(request: ApiRequest, sender_id: int | None) -> Sender | None:
    if sender_id is None:
        return None
    found = Sender.objects.for_organization(request.organization).filter(pk=sender_id).first()
    if found is None:
        raise ValidationError({"sender": [f"There is no sender {sender_id}."]})
    return found


def numbers_of(request: ApiRequest, given: dict[str, Any]) -> tuple[list[str], list[str]]:
    """The numbers of everybody who is named, and what is no mobile number."""
    organization = request.organization
    numbers, problems = members.read(given.get("numbers", []), organization)
    chosen: dict[str, list[Any]] = {}
    models: dict[str, type[Any]] = {"lists": ContactList, "segments": Segment}
    for field, model in models.items():
        ids = given.get(field, [])
        chosen[field] = list(model.objects.for_organization(organization).filter(pk__in=ids))
        if unknown := set(ids) - {row.pk for row in chosen[field]}:
            raise ValidationError({field: [f"There is none with the id {row_id}." for row_id in sorted(unknown)]})
    try:
        others = members.of_sources(
            organization, contacts=given.get("contacts", []), lists=chosen["lists"], in_segments=chosen["segments"]
        )
    except InvalidFilter as error:
        raise ValidationError({"segments": [" ".join(error.messages)]}) from error
    return [*numbers, *others], problems


class ListsView(ListAPIView[BroadcastList]):
    capability = {"GET": VIEW, "POST": MANAGE}
    serializer_class = ListSerializer
    request: ApiRequest

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Broadcast lists, newest first."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[BroadcastList]:
        return lists_of(self.request)

    @extend_schema(request=NewList, responses={201: AddedAnswer})
    def post(self, request: ApiRequest) -> Response:
        """Makes a list. Its people are put into groups of 256."""
        checked = NewList(data=request.data)
        checked.is_valid(raise_exception=True)
        given = checked.validated_data
        numbers, problems = numbers_of(request, given)
        if problems and not numbers:
            raise ValidationError({"numbers": [f"“{each}” is no mobile number." for each in problems[:10]]})
        with reported():
            made = services.create_list(
                organization=request.organization,
                name=given["name"],
                sender=sender_of(request, given.get("sender")),
                gap_seconds=given["gap_seconds"],
                numbers=numbers,
                by=actor_of(request),
            )
        answer = described(request, made.pk)
        return Response({**answer, "added": answer["members"], "problems": problems}, status=status.HTTP_201_CREATED)


class ListView(APIView):
    capability = {"GET": VIEW, "PATCH": MANAGE, "DELETE": MANAGE}

    @extend_schema(responses=ListAnswer)
    def get(self, request: ApiRequest, broadcast_list_id: int) -> Response:
        """A list with its groups."""
        return Response(described(request, broadcast_list_id))

    @extend_schema(request=ListChange, responses=ListAnswer)
    def patch(self, request: ApiRequest, broadcast_list_id: int) -> Response:
        found = find(request, broadcast_list_id)
        checked = ListChange(data=request.data)
        checked.is_valid(raise_exception=True)
        given = checked.validated_data
        with reported():
            services.change_list(
                broadcast_list=found,
                name=given.get("name", found.name),
                sender=sender_of(request, given["sender"]) if "sender" in given else found.sender,
                gap_seconds=given.get("gap_seconds", found.gap_seconds),
                by=actor_of(request),
            )
        return Response(described(request, broadcast_list_id))

    @extend_schema(responses={204: None, 409: OpenApiResponse(description="A broadcast to it is under way.")})
    def delete(self, request: ApiRequest, broadcast_list_id: int) -> Response:
        """Deletes the list. What was sent to it stays, with its figures."""
        try:
            services.delete_list(broadcast_list=find(request, broadcast_list_id), by=actor_of(request))
        except NotAllowed as error:
            raise Conflict(str(error)) from error
        return Response(status=status.HTTP_204_NO_CONTENT)


class BroadcastMemberSerializer(serializers.ModelSerializer[BroadcastMember]):
    group = serializers.IntegerField(help_text="The index of the group.")

    class Meta:
        model = BroadcastMember
        fields = ("phone_number", "position", "group", "added_at")
        read_only_fields = fields


class RemovedNumbers(serializers.Serializer[Any]):
    numbers = serializers.ListField(child=serializers.CharField(max_length=100), max_length=members.MOST_MEMBERS)


class ListMembersView(ListAPIView[BroadcastMember]):
    capability = {"GET": VIEW, "POST": MANAGE, "DELETE": MANAGE}
    serializer_class = BroadcastMemberSerializer
    ordering = "position"
    request: ApiRequest

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Who is on the list, by group."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[BroadcastMember]:
        return find(self.request, self.kwargs["broadcast_list_id"]).members.all()

    @extend_schema(request=NewBroadcastMembers, responses=AddedAnswer)
    def post(self, request: ApiRequest, broadcast_list_id: int) -> Response:
        """Adds people behind the last ones; who is on it already stays where they are."""
        found = find(request, broadcast_list_id)
        checked = NewBroadcastMembers(data=request.data)
        checked.is_valid(raise_exception=True)
        numbers, problems = numbers_of(request, checked.validated_data)
        added = services.add_members(broadcast_list=found, numbers=numbers, by=actor_of(request))
        return Response({**described(request, broadcast_list_id), "added": added, "problems": problems})

    @extend_schema(request=RemovedNumbers, responses=ListAnswer)
    def delete(self, request: ApiRequest, broadcast_list_id: int) -> Response:
        """Takes people off the list; the last ones move into the gaps, so that groups stay full."""
        found = find(request, broadcast_list_id)
        checked = RemovedNumbers(data=request.data)
        checked.is_valid(raise_exception=True)
        numbers, _problems = members.read(checked.validated_data["numbers"], request.organization)
        services.remove_members(broadcast_list=found, numbers=numbers, by=actor_of(request))
        return Response(described(request, broadcast_list_id))


class SendAnswer(BatchSerializer):
    broadcast = serializers.IntegerField()

    class Meta(BatchSerializer.Meta):
        fields = (*BatchSerializer.Meta.fields, "broadcast")
        read_only_fields = fields


class SendView(APIView):
    capability = {"POST": MANAGE}

    @extend_schema(request=ContentFields, responses={202: SendAnswer})
    def post(self, request: ApiRequest, broadcast_list_id: int) -> Response:
        """Sends to everybody who is on the list now, group by group. The answer is the batch: GET /api/batches/{id}
        tells how far it is."""
        found = find(request, broadcast_list_id)
        checked = ContentFields(data=request.data)
        checked.is_valid(raise_exception=True)
        given = checked.validated_data
        try:
            approval.require(request.organization, capabilities_of(request.auth))
            broadcast = services.send_broadcast(
                broadcast_list=found,
                idempotency_key=given.get("idempotency_key"),
                by=actor_of(request),
                **taken_content(request, given),
            )
        except InvalidPlan as error:
            raise ValidationError(error.errors) from error
        except NotAllowed as error:
            raise Conflict(str(error)) from error
        plan.delay_on_commit()
        answer = {**batch_api.described(broadcast.batch), "broadcast": broadcast.pk}
        return Response(answer, status=status.HTTP_202_ACCEPTED)


class BroadcastSerializer(serializers.ModelSerializer[Broadcast]):
    class Meta:
        model = Broadcast
        fields = ("id", "list_name", "created_at")
        read_only_fields = fields

    def to_representation(self, row: Broadcast) -> dict[str, Any]:
        figures = self.context.get("figures", {})
        return {
            **super().to_representation(row),
            "batch": BatchSerializer(row.batch, context={"figures": figures}).data,
        }


class HistoryView(ListAPIView[Broadcast]):
    capability = {"GET": VIEW}
    serializer_class = BroadcastSerializer
    request: ApiRequest

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What was sent to the list, newest first."""
        return super().get(request, *args, **kwargs)

    def get_queryset(self) -> QuerySet[Broadcast]:
        found = find(self.request, self.kwargs["broadcast_list_id"])
        return found.broadcasts.select_related("batch").prefetch_related("batch__senders")
