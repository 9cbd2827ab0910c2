"""Addresses of templates' pages, under `/o/<organization>/templates`."""

from django.urls import path

from messaging import template_pages as pages

app_name = "templates"
urlpatterns = [
    path("", pages.template_list, name="list"),
    path("/new", pages.new_template, name="new"),
    path("/choices", pages.choices, name="choices"),
    path("/<int:template_id>", pages.template, name="detail"),
    path("/<int:template_id>/content", pages.content, name="content"),
    path("/<int:template_id>/archive", pages.archive, name="archive"),
    path("/<int:template_id>/restore", pages.restore, name="restore"),
    path("/<int:template_id>/versions/<int:number>/bring-back", pages.bring_back, name="bring_back"),
    path("/<int:template_id>/versions/<int:number>/media", pages.media, name="media"),
]
