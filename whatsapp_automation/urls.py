"""Every address of the product: pages, API, admin, health."""

from django.contrib import admin
from django.urls import include, path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from accounts.pages import start
from accounts.urls import organization_urlpatterns
from messaging.links.pages import follow
from whatsapp_automation import health

api_urlpatterns = [
    path("", include("accounts.api_urls")),
    path("", include("senders.api_urls")),
    path("", include("contacts.api_urls")),
    path("", include("messaging.api_urls")),
    path("", include("campaigns.api_urls")),
    path("", include("broadcasts.api_urls")),
    path("", include("session_service.api_urls")),
]

urlpatterns = [
    path("", start, name="start"),
    path("accounts/", include("accounts.urls")),
    path("o/<slug:organization>/", include((organization_urlpatterns, "organization"))),
    path("o/<slug:organization>/senders", include("senders.urls")),
    path("o/<slug:organization>/senders", include("session_service.urls")),
    path("o/<slug:organization>/contacts", include("contacts.urls")),
    path("o/<slug:organization>/contacts", include("messaging.privacy_urls")),
    path("o/<slug:organization>/campaigns", include("campaigns.urls")),
    path("o/<slug:organization>/messages", include("messaging.urls")),
    path("o/<slug:organization>/media", include("messaging.library_urls")),
    path("o/<slug:organization>/broadcasts", include("broadcasts.urls")),
    path("o/<slug:organization>/templates", include("messaging.template_urls")),
    path("o/<slug:organization>/sending", include("session_service.sending_urls")),
    path("o/<slug:organization>", include("whatsapp_automation.home_urls")),
    path("api/", include((api_urlpatterns, "api"))),
    path("api/schema", SpectacularAPIView.as_view(), name="api-schema"),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="api-schema"), name="api-docs"),
    path("l/<str:token>", follow, name="link"),
    path("health", health.health, name="health"),
    path("metrics", health.metrics, name="metrics"),
    path("admin", RedirectView.as_view(pattern_name="admin:index"), name="admin"),
    path("admin/", admin.site.urls),
]

handler400 = "accounts.pages.bad_request"
handler403 = "accounts.pages.forbidden"
handler404 = "accounts.pages.not_found"
handler500 = "accounts.pages.server_error"
