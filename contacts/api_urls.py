"""Addresses of the contacts API, under `/api/`."""

from django.urls import path

from contacts import api

urlpatterns = [
    path("contacts", api.ContactsView.as_view(), name="contacts"),
    path("contact-lists", api.ContactListsView.as_view(), name="contact-lists"),
    path("contacts/imports", api.ImportsView.as_view(), name="imports"),
    path("contacts/imports/<int:import_id>", api.ImportView.as_view(), name="import"),
    path("contacts/imports/<int:import_id>/commit", api.CommitImportView.as_view(), name="commit-import"),
    path("contacts/imports/<int:import_id>/cancel", api.CancelImportView.as_view(), name="cancel-import"),
    path("blocklist", api.BlocklistView.as_view(), name="blocklist"),
    path("blocklist/<str:phone_number>", api.BlockedNumberView.as_view(), name="blocked-number"),
]
