"""Addresses of the accounts API, under `/api/`."""

from django.urls import path

from accounts.api import WebSocketTickets

urlpatterns = [path("websocket-tickets", WebSocketTickets.as_view(), name="websocket-tickets")]
