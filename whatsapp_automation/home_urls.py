from django.urls import path

from whatsapp_automation import pages

urlpatterns = [path("", pages.home, name="home")]
