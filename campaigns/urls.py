"""Addresses of campaigns' pages, under `/o/<organization>/campaigns`."""

from django.urls import path

from campaigns import pages, pages_report, pages_schedules

app_name = "campaigns"
urlpatterns = [
    path("", pages.campaigns, name="list"),
    path("/new", pages.new, name="new"),
    path("/calendar", pages_schedules.calendar, name="calendar"),
    path("/columns", pages.columns, name="columns"),
    path("/<int:campaign_id>", pages.detail, name="detail"),
    path("/<int:campaign_id>/live", pages.live, name="live"),
    path("/<int:campaign_id>/forecast", pages.forecast, name="forecast"),
    path("/<int:campaign_id>/preview", pages.preview, name="preview"),
    path("/<int:campaign_id>/report", pages_report.figures, name="report"),
    path("/<int:campaign_id>/recipients", pages.recipients, name="recipients"),
    path("/<int:campaign_id>/rejected", pages.rejected, name="rejected"),
    path("/<int:campaign_id>/schedule", pages_schedules.schedule, name="schedule"),
    path("/<int:campaign_id>/unschedule", pages_schedules.unschedule, name="unschedule"),
    path("/<int:campaign_id>/start", pages.start, name="start"),
    path("/<int:campaign_id>/pause", pages.pause, name="pause"),
    path("/<int:campaign_id>/resume", pages.resume, name="resume"),
    path("/<int:campaign_id>/duplicate", pages.duplicate, name="duplicate"),
    path("/<int:campaign_id>/cancel", pages.cancel, name="cancel"),
]
