"""Addresses of contacts' pages, under `/o/<organization>/contacts`."""

from django.urls import path

from contacts import pages

app_name = "contacts"
urlpatterns = [
    path("", pages.contacts, name="list"),
    path("/lists", pages.lists, name="lists"),
    path("/import", pages.new_import, name="import"),
    path("/imports/<int:import_id>", pages.import_detail, name="import_detail"),
    path("/imports/<int:import_id>/live", pages.import_live, name="import_live"),
    path("/imports/<int:import_id>/rejected", pages.rejected, name="rejected"),
    path("/imports/<int:import_id>/commit", pages.commit_import, name="commit_import"),
    path("/imports/<int:import_id>/cancel", pages.cancel_import, name="cancel_import"),
    path("/blocklist", pages.blocklist, name="blocklist"),
    path("/blocklist/add", pages.block, name="block"),
    path("/blocklist/remove", pages.unblock, name="unblock"),
]
