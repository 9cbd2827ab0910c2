"""Addresses of what people do with sessions, under `/o/<organization>/senders`."""

from django.urls import path

from session_service import pages

app_name = "sessions"
urlpatterns = [path("/<int:sender_id>/scan", pages.scan, name="scan")]
