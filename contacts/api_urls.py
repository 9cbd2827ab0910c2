"""Addresses of the contacts API, under `/api/`."""

from django.urls import path

from contacts.api import blocklist, imports, people

urlpatterns = [
    path("contacts", people.ContactsView.as_view(), name="contacts"),
    path("contact-lists", people.ContactListsView.as_view(), name="contact-lists"),
    path("contacts/imports", imports.ImportsView.as_view(), name="imports"),
    path("contacts/imports/<int:import_id>", imports.ImportView.as_view(), name="import"),
    path("contacts/imports/<int:import_id>/commit", imports.CommitImportView.as_view(), name="commit-import"),
    path("contacts/imports/<int:import_id>/cancel", imports.CancelImportView.as_view(), name="cancel-import"),
    path("blocklist", blocklist.BlocklistView.as_view(), name="blocklist"),
    path("blocklist/<str:phone_number>", blocklist.BlockedNumberView.as_view(), name="blocked-number"),
]
