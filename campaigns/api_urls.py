"""Addresses of the campaigns API, under `/api/`."""

from django.urls import path

from campaigns import (
    api,
    api_content,
    api_preview,
    api_rehearsals,
    api_report,
    api_schedules,
    api_variants,
    forecast_api,
)

urlpatterns = [
    path("campaigns", api.CampaignsView.as_view(), name="campaigns"),
    path("campaigns/<int:campaign_id>", api.CampaignView.as_view(), name="campaign"),
    path("campaigns/<int:campaign_id>/schedule", api_schedules.ScheduleView.as_view(), name="campaign-schedule"),
    path("campaigns/<int:campaign_id>/start", api.StartView.as_view(), name="start-campaign"),
    path("campaigns/<int:campaign_id>/pause", api.PauseView.as_view(), name="pause-campaign"),
    path("campaigns/<int:campaign_id>/resume", api.ResumeView.as_view(), name="resume-campaign"),
    path("campaigns/<int:campaign_id>/cancel", api.CancelView.as_view(), name="cancel-campaign"),
    path("campaigns/<int:campaign_id>/duplicate", api.DuplicateView.as_view(), name="duplicate-campaign"),
    path("campaigns/<int:campaign_id>/finish", api.FinishView.as_view(), name="finish-campaign"),
    path("campaigns/<int:campaign_id>/reopen", api.ReopenView.as_view(), name="reopen-campaign"),
    path("campaigns/<int:campaign_id>/submit", api.SubmitView.as_view(), name="submit-campaign"),
    path("campaigns/<int:campaign_id>/approve", api.ApproveView.as_view(), name="approve-campaign"),
    path("campaigns/<int:campaign_id>/return", api.ReturnView.as_view(), name="return-campaign"),
    path("campaigns/<int:campaign_id>/archive", api.ArchiveView.as_view(), name="archive-campaign"),
    path("campaigns/<int:campaign_id>/unarchive", api.UnarchiveView.as_view(), name="unarchive-campaign"),
    path("campaigns/<int:campaign_id>/audience", api.AudienceView.as_view(), name="campaign-audience"),
    path("campaigns/<int:campaign_id>/changes", api.ChangesView.as_view(), name="campaign-changes"),
    path("campaigns/<int:campaign_id>/stats", api.StatsView.as_view(), name="campaign-stats"),
    path("campaigns/<int:campaign_id>/report", api_report.ReportView.as_view(), name="campaign-report"),
    path("campaigns/<int:campaign_id>/retry", api_report.RetryView.as_view(), name="retry-campaign"),
    path("campaigns/<int:campaign_id>/follow-up", api_report.FollowUpView.as_view(), name="follow-up-campaign"),
    path("campaigns/<int:campaign_id>/recipients/export", api_report.ExportView.as_view(), name="export-recipients"),
    path("campaigns/<int:campaign_id>/variants", api_variants.VariantsView.as_view(), name="campaign-variants"),
    path("campaigns/<int:campaign_id>/variants/winner", api_variants.WinnerView.as_view(), name="choose-variant"),
    path("campaigns/<int:campaign_id>/recipients", api.RecipientsView.as_view(), name="campaign-recipients"),
    path("campaigns/<int:campaign_id>/forecast", forecast_api.ForecastView.as_view(), name="campaign-forecast"),
    path("campaigns/<int:campaign_id>/rehearse", api_rehearsals.RehearseView.as_view(), name="rehearse-campaign"),
    path("campaigns/<int:campaign_id>/rehearsal", api_rehearsals.RehearsalView.as_view(), name="campaign-rehearsal"),
    path("campaigns/<int:campaign_id>/media", api_content.CampaignMediaView.as_view(), name="campaign-media"),
    path("campaigns/<int:campaign_id>/preview", api_preview.PreviewView.as_view(), name="campaign-preview"),
]
