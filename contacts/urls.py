"""Addresses of contacts' pages, under `/o/<organization>/contacts`."""

from django.urls import path

from contacts.pages import blocklist, imports, people

app_name = "contacts"
urlpatterns = [
    path("", people.contacts, name="list"),
    path("/lists", people.lists, name="lists"),
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
