"""Addresses of the contacts API, under `/api/`."""

from django.urls import path

from contacts.api import attributes, blocklist, consent, imports, lists, people, privacy, segments, tags

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
    path("contacts/tags", tags.TagsView.as_view(), name="tags"),
    path("contacts/attributes", attributes.AttributesView.as_view(), name="attributes"),
    path("contacts/attributes/<str:key>", attributes.AttributeView.as_view(), name="attribute"),
    path(
        "contacts/attributes/<str:key>/check/<str:kind>",
        attributes.AttributeCheckView.as_view(),
        name="check-attribute",
    ),
    path("segments", segments.SegmentsView.as_view(), name="segments"),
    path("segments/fields", segments.FieldsView.as_view(), name="segment-fields"),
    path("segments/count", segments.CountView.as_view(), name="count-filter"),
    path("segments/<int:segment_id>", segments.SegmentView.as_view(), name="segment"),
    path("segments/<int:segment_id>/count", segments.SegmentCountView.as_view(), name="count-segment"),
    path("consents", consent.ConsentsView.as_view(), name="consents"),
    path("consents/<str:phone_number>", consent.ConsentView.as_view(), name="consent"),
    path("erasures", privacy.ErasuresView.as_view(), name="erasures"),
    path("erasures/<int:erasure_id>", privacy.ErasureView.as_view(), name="erasure"),
    path("person-export/<str:phone_number>", privacy.PersonExportView.as_view(), name="person-export"),
    path("blocklist", blocklist.BlocklistView.as_view(), name="blocklist"),
    path("blocklist/<str:phone_number>", blocklist.BlockedNumberView.as_view(), name="blocked-number"),
]
