"""Addresses of the page about sending, under `/o/<organization>/sending`."""

from django.urls import path

from session_service import sending_pages as pages

app_name = "sending"
urlpatterns = [
    path("", pages.sending, name="page"),
    path("/retry", pages.retry, name="retry"),
    path("/messages/<int:message_id>/settle", pages.settle, name="settle"),
]
