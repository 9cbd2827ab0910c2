"""The workers of the session service by REST. They serve every organization of the installation."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.response import Response
from rest_framework.views import APIView

from accounts.api import actor_of
from accounts.requests import ApiRequest
from session_service import registry
from session_service.models import SessionWorker
from session_service.registry import WorkerState

VIEW, MANAGE = "workers.view", "workers.manage"


class WorkerSerializer(serializers.ModelSerializer[SessionWorker]):
    state = serializers.ChoiceField(
        choices=[(str(state), str(state)) for state in WorkerState],
        help_text="alive; draining: hands its sessions over; drained: holds none; lost: no recent heartbeat.",
    )
    sessions = serializers.IntegerField(help_text="Senders that it holds.")

    class Meta:
        model = SessionWorker
        fields = (
            "id",
            "name",
            "state",
            "sessions",
            "connected",
            "capacity",
            "cpu_percent",
            "memory_bytes",
            "messages_a_minute",
            "heartbeat_at",
            "started_at",
        )
        read_only_fields = fields


class WorkersSerializer(serializers.Serializer[Any]):
    results = WorkerSerializer(many=True)
    waiting = serializers.IntegerField(
        help_text="Senders of the organization that should be connected and that no worker holds."
    )


class WorkersView(APIView):
    capability = {"GET": VIEW}

    @extend_schema(responses=WorkersSerializer)
    def get(self, request: ApiRequest) -> Response:
        """All workers that run or were lost within the last hour."""
        waiting = registry.waiting().filter(organization=request.organization).count()
        return Response(WorkersSerializer({"results": registry.present(), "waiting": waiting}).data)


class DrainView(APIView):
    capability = {"POST": MANAGE}

    @extend_schema(
        request=None, responses={202: WorkerSerializer, 404: OpenApiResponse(description="It has stopped.")}
    )
    def post(self, request: ApiRequest, worker_id: int) -> Response:
        """Lets a worker hand its sessions over, as far as others have room. It takes none until `undrain`."""
        return _change(request, worker_id, draining=True)


class UndrainView(APIView):
    capability = {"POST": MANAGE}

    @extend_schema(
        request=None, responses={202: WorkerSerializer, 404: OpenApiResponse(description="It has stopped.")}
    )
    def post(self, request: ApiRequest, worker_id: int) -> Response:
        """Lets a worker take sessions again."""
        return _change(request, worker_id, draining=False)


def _change(request: ApiRequest, worker_id: int, *, draining: bool) -> Response:
    try:
        worker = registry.drain(
            worker_id=worker_id, draining=draining, organization=request.organization, by=actor_of(request)
        )
    except registry.NoSuchWorker as error:
        raise NotFound(str(error)) from error
    return Response(WorkerSerializer(worker).data, status=status.HTTP_202_ACCEPTED)
