"""Addresses of messages' pages, under `/o/<organization>/messages`."""

from django.urls import path

from messaging import log_pages, message_pages, pages

app_name = "messaging"
urlpatterns = [
    path("", log_pages.message_log, name="log"),
    path("/export", log_pages.export, name="export"),
    path("/new", message_pages.new, name="new"),
    path("/scheduled", message_pages.scheduled, name="scheduled"),
    path("/<int:message_id>/cancel", message_pages.cancel, name="cancel"),
    path("/file", pages.file, name="file"),
    path("/<int:message_id>/media", pages.media, name="media"),
]
