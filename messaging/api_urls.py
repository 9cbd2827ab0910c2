from django.urls import path

from messaging import api

urlpatterns = [
    path("messages", api.MessagesView.as_view(), name="messages"),
    path("messages/<int:message_id>", api.MessageView.as_view(), name="message"),
    path("messages/<int:message_id>/media", api.MessageMediaView.as_view(), name="message-media"),
]
