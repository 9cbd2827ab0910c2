"""Addresses of the media library's pages, under `/o/<organization>/media`."""

from django.urls import path

from messaging import library_pages as pages

app_name = "library"
urlpatterns = [
    path("", pages.files, name="list"),
    path("/add", pages.add, name="add"),
    path("/choices", pages.choices, name="choices"),
    path("/<int:file_id>/file", pages.file, name="file"),
    path("/<int:file_id>/thumbnail", pages.thumbnail, name="thumbnail"),
    path("/<int:file_id>/rename", pages.rename, name="rename"),
    path("/<int:file_id>/remove", pages.remove, name="remove"),
]
