"""Addresses of campaigns' pages, under `/o/<organization>/campaigns`."""

from django.urls import path

from campaigns import (
    pages,
    pages_people,
    pages_preview,
    pages_rehearsals,
    pages_report,
    pages_schedules,
    pages_variants,
    pages_wizard,
)
from campaigns.wizard_forms import STEPS

app_name = "campaigns"
urlpatterns = [
    path("", pages.campaigns, name="list"),
    path("/new", pages_wizard.new, name="new"),
    path("/calendar", pages_schedules.calendar, name="calendar"),
    path("/<int:campaign_id>", pages.detail, name="detail"),
    path("/<int:campaign_id>/live", pages.live, name="live"),
    path("/<int:campaign_id>/forecast", pages.forecast, name="forecast"),
    path("/<int:campaign_id>/preview", pages.preview, name="preview"),
    path("/<int:campaign_id>/report", pages_report.figures, name="report"),
    path("/<int:campaign_id>/lint", pages_preview.lint, name="lint"),
    path("/<int:campaign_id>/texts", pages_preview.texts, name="texts"),
    path("/<int:campaign_id>/file", pages_preview.file, name="file"),
    path("/<int:campaign_id>/recipients", pages_people.recipients, name="recipients"),
    path("/<int:campaign_id>/recipients/export", pages_people.export, name="export_people"),
    path("/<int:campaign_id>/retry", pages_people.retry, name="retry"),
    path("/<int:campaign_id>/follow-up", pages_people.follow_up, name="follow_up"),
    path("/<int:campaign_id>/rehearsal", pages_rehearsals.rehearsal, name="rehearsal"),
    path("/<int:campaign_id>/rehearsal/state", pages_rehearsals.state, name="rehearsal_state"),
    path("/<int:campaign_id>/rehearse", pages_rehearsals.rehearse, name="rehearse"),
    path("/<int:campaign_id>/rehearsal/cancel", pages_rehearsals.cancel, name="cancel_rehearsal"),
    path("/<int:campaign_id>/rejected", pages.rejected, name="rejected"),
    path("/<int:campaign_id>/people", pages_wizard.people, name="people"),
    *(path(f"/<int:campaign_id>/{step}", pages_wizard.step, {"name": step}, name=step) for step in STEPS),
    *(
        path(f"/<int:campaign_id>/{step}/save", pages_wizard.save, {"name": step}, name=f"save_{step}")
        for step in STEPS
    ),
    path("/<int:campaign_id>/delete", pages_wizard.delete, name="delete"),
    path("/<int:campaign_id>/submit", pages_wizard.submit, name="submit"),
    path("/<int:campaign_id>/approve", pages_wizard.approve, name="approve"),
    path("/<int:campaign_id>/archive", pages_wizard.archive, name="archive"),
    path("/<int:campaign_id>/unarchive", pages_wizard.unarchive, name="unarchive"),
    path("/<int:campaign_id>/reopen", pages_wizard.reopen, name="reopen"),
    path("/<int:campaign_id>/variants", pages_variants.variants, name="variants"),
    path("/<int:campaign_id>/variants/winner", pages_variants.choose, name="choose_variant"),
    path("/<int:campaign_id>/schedule", pages_schedules.schedule, name="schedule"),
    path("/<int:campaign_id>/unschedule", pages_schedules.unschedule, name="unschedule"),
    path("/<int:campaign_id>/start", pages.start, name="start"),
    path("/<int:campaign_id>/pause", pages.pause, name="pause"),
    path("/<int:campaign_id>/resume", pages.resume, name="resume"),
    path("/<int:campaign_id>/duplicate", pages_wizard.duplicate, name="duplicate"),
    path("/<int:campaign_id>/cancel", pages.cancel, name="cancel"),
]
