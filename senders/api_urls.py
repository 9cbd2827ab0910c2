"""Addresses of the senders API, under `/api/`."""

from django.urls import path

from senders import api

urlpatterns = [
    path("senders", api.SendersView.as_view(), name="senders"),
    path("senders/<int:sender_id>", api.SenderView.as_view(), name="sender"),
    path("senders/<int:sender_id>/connect", api.ConnectView.as_view(), name="connect-sender"),
    path("senders/<int:sender_id>/disconnect", api.DisconnectView.as_view(), name="disconnect-sender"),
    path("senders/<int:sender_id>/pause", api.PauseView.as_view(), name="pause-sender"),
    path("senders/<int:sender_id>/resume", api.ResumeView.as_view(), name="resume-sender"),
    path("senders/<int:sender_id>/logout", api.LogoutView.as_view(), name="logout-sender"),
    path("senders/<int:sender_id>/pairing-code", api.PairingCodeView.as_view(), name="sender-pairing-code"),
    path("senders/<int:sender_id>/qr", api.QrView.as_view(), name="sender-qr"),
]
