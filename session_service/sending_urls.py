"""Addresses of the pages about sending and about workers, under `/o/<organization>/sending`."""

from django.urls import path

from session_service import sending_pages as pages
from session_service import worker_pages

app_name = "sending"
urlpatterns = [
    path("", pages.sending, name="page"),
    path("/retry", pages.retry, name="retry"),
    path("/workers", worker_pages.workers, name="workers"),
    path("/workers/<int:worker_id>/drain", worker_pages.drain, name="drain_worker"),
    path("/workers/<int:worker_id>/undrain", worker_pages.undrain, name="undrain_worker"),
    path("/messages/<int:message_id>/settle", pages.settle, name="settle"),
]
