"""The address of the privacy page, under `/o/<organization>/contacts`: it needs what contacts does not know."""

from django.urls import path

from messaging import privacy_pages

app_name = "messaging_privacy"
urlpatterns = [path("/privacy", privacy_pages.privacy, name="privacy")]
