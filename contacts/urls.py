"""Addresses of contacts' pages, under `/o/<organization>/contacts`."""

from django.urls import path

from contacts.pages import blocklist, fields, imports, people, segments

app_name = "contacts"
urlpatterns = [
    path("", people.contacts, name="list"),
    path("/lists", people.lists, name="lists"),
    path("/segments", segments.segments, name="segments"),
    path("/segments/new", segments.new_segment, name="new_segment"),
    path("/segments/preview", segments.preview, name="segment_preview"),
    path("/segments/<int:segment_id>", segments.segment, name="segment"),
    path("/segments/<int:segment_id>/found", segments.found, name="segment_found"),
    path("/segments/<int:segment_id>/edit", segments.edit_segment, name="edit_segment"),
    path("/segments/<int:segment_id>/delete", segments.delete_segment, name="delete_segment"),
    path("/fields", fields.fields, name="fields"),
    path("/fields/add", fields.add_attribute, name="add_attribute"),
    path("/fields/tags", fields.change_tag, name="change_tag"),
    path("/fields/<int:definition_id>", fields.change_kind, name="change_kind"),
    path("/import", imports.new_import, name="import"),
    path("/imports/<int:import_id>", imports.import_detail, name="import_detail"),
    path("/imports/<int:import_id>/live", imports.import_live, name="import_live"),
    path("/imports/<int:import_id>/rejected", imports.rejected, name="rejected"),
    path("/imports/<int:import_id>/rejected.xlsx", imports.rejected_file, name="rejected_file"),
    path("/imports/<int:import_id>/columns", imports.choose_columns, name="choose_columns"),
    path("/imports/<int:import_id>/undo", imports.undo_import, name="undo_import"),
    path("/imports/<int:import_id>/commit", imports.commit_import, name="commit_import"),
    path("/imports/<int:import_id>/cancel", imports.cancel_import, name="cancel_import"),
    path("/blocklist", blocklist.blocklist, name="blocklist"),
    path("/blocklist/add", blocklist.block, name="block"),
    path("/blocklist/remove", blocklist.unblock, name="unblock"),
]
