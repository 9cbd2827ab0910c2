"""Addresses of the workers' API, under `/api/`."""

from django.urls import path

from session_service import api

urlpatterns = [
    path("workers", api.WorkersView.as_view(), name="workers"),
    path("workers/<int:worker_id>/drain", api.DrainView.as_view(), name="drain-worker"),
    path("workers/<int:worker_id>/undrain", api.UndrainView.as_view(), name="undrain-worker"),
]
