"""Addresses of messages' pages, under `/o/<organization>/messages`."""

from django.urls import path

from messaging import pages

app_name = "messaging"
urlpatterns = [
    path("/file", pages.file, name="file"),
    path("/<int:message_id>/media", pages.media, name="media"),
]
