"""Addresses of the session service, under `/api/`: its workers, and what senders can be asked."""

from django.urls import path

from session_service import api, questions_api

urlpatterns = [
    path("workers", api.WorkersView.as_view(), name="workers"),
    path("workers/<int:worker_id>/drain", api.DrainView.as_view(), name="drain-worker"),
    path("workers/<int:worker_id>/undrain", api.UndrainView.as_view(), name="undrain-worker"),
    path("numbers/check", questions_api.CheckNumbersView.as_view(), name="check-numbers"),
    path("groups", questions_api.GroupsView.as_view(), name="groups"),
    path("groups/<int:group_id>/members", questions_api.GroupMembersView.as_view(), name="group-members"),
]
