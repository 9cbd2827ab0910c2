"""Addresses of the contacts API, under `/api/`."""

from django.urls import path

from contacts.api import blocklist, imports, lists, people

urlpatterns = [
    path("contacts", people.ContactsView.as_view(), name="contacts"),
    path("contacts/bulk", people.BulkContactsView.as_view(), name="bulk-contacts"),
    path("contacts/export", people.ExportContactsView.as_view(), name="export-contacts"),
    path("contacts/<int:contact_id>", people.ContactView.as_view(), name="contact"),
    path("contacts/<int:contact_id>/timeline", people.TimelineView.as_view(), name="contact-timeline"),
    path("contacts/<int:contact_id>/merge", people.MergeContactsView.as_view(), name="merge-contacts"),
    path("contacts/merges/<int:merge_id>/undo", people.UndoMergeView.as_view(), name="undo-merge"),
    path(
        "contacts/other-numbers/<int:other_number_id>", people.OtherNumberView.as_view(), name="contact-other-number"
    ),
    path("contact-lists", lists.ContactListsView.as_view(), name="contact-lists"),
    path("contact-lists/<int:list_id>", lists.ContactListView.as_view(), name="contact-list"),
    path("contact-lists/<int:list_id>/members", lists.MembersView.as_view(), name="list-members"),
    path("contact-lists/<int:list_id>/members/remove", lists.RemoveMembersView.as_view(), name="remove-list-members"),
    path("contacts/imports", imports.ImportsView.as_view(), name="imports"),
    path("contacts/imports/<int:import_id>", imports.ImportView.as_view(), name="import"),
    path("contacts/imports/<int:import_id>/columns", imports.ImportColumnsView.as_view(), name="import-columns"),
    path("contacts/imports/<int:import_id>/rejected", imports.RejectedRowsView.as_view(), name="rejected-rows"),
    path("contacts/imports/<int:import_id>/undo", imports.UndoImportView.as_view(), name="undo-import"),
    path("contacts/imports/<int:import_id>/commit", imports.CommitImportView.as_view(), name="commit-import"),
    path("contacts/imports/<int:import_id>/cancel", imports.CancelImportView.as_view(), name="cancel-import"),
    path("blocklist", blocklist.BlocklistView.as_view(), name="blocklist"),
    path("blocklist/<str:phone_number>", blocklist.BlockedNumberView.as_view(), name="blocked-number"),
]
