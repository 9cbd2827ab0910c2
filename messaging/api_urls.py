from django.urls import path

from messaging import api, template_api

urlpatterns = [
    path("messages", api.MessagesView.as_view(), name="messages"),
    path("messages/<int:message_id>", api.MessageView.as_view(), name="message"),
    path("messages/<int:message_id>/media", api.MessageMediaView.as_view(), name="message-media"),
    path("templates", template_api.TemplatesView.as_view(), name="templates"),
    path("templates/<int:template_id>", template_api.TemplateView.as_view(), name="template"),
    path(
        "templates/<int:template_id>/versions", template_api.TemplateVersionsView.as_view(), name="template-versions"
    ),
]
