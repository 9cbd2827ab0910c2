"""Addresses of senders' pages, under `/o/<organization>/senders`."""

from django.urls import path

from senders import pages

app_name = "senders"
urlpatterns = [
    path("", pages.senders, name="list"),
    path("/new", pages.new_sender, name="new"),
    path("/<int:sender_id>", pages.sender, name="detail"),
    path("/<int:sender_id>/edit", pages.edit_sender, name="edit"),
    path("/<int:sender_id>/live", pages.live, name="live"),
    path("/<int:sender_id>/connect", pages.connect, name="connect"),
    path("/<int:sender_id>/pair", pages.pair, name="pair"),
    path("/<int:sender_id>/log-out", pages.log_out, name="log-out"),
    path("/<int:sender_id>/disconnect", pages.disconnect, name="disconnect"),
    path("/<int:sender_id>/pause", pages.pause, name="pause"),
    path("/<int:sender_id>/resume", pages.resume, name="resume"),
    path("/<int:sender_id>/delete", pages.delete, name="delete"),
]
