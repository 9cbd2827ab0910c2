from django.urls import path

from messaging import api, batch_api, batch_changes, library_api, log_api, template_api

urlpatterns = [
    path("messages", api.MessagesView.as_view(), name="messages"),
    path("messages/<int:message_id>", api.MessageView.as_view(), name="message"),
    path("messages/<int:message_id>/media", api.MessageMediaView.as_view(), name="message-media"),
    path("messages/<int:message_id>/cancel", api.CancelMessageView.as_view(), name="cancel-message"),
    path("messages/stats", log_api.MessageFiguresView.as_view(), name="message-figures"),
    path("batches", batch_api.BatchesView.as_view(), name="batches"),
    path("batches/<int:batch_id>", batch_api.BatchView.as_view(), name="batch"),
    path(
        "batches/<int:batch_id>/pause",
        batch_api.BatchChangeView.as_view(what=batch_changes.PAUSED),
        name="pause-batch",
    ),
    path(
        "batches/<int:batch_id>/resume",
        batch_api.BatchChangeView.as_view(what=batch_changes.RESUMED),
        name="resume-batch",
    ),
    path(
        "batches/<int:batch_id>/cancel",
        batch_api.BatchChangeView.as_view(what=batch_changes.CANCELLED),
        name="cancel-batch",
    ),
    path("media", library_api.LibraryView.as_view(), name="library"),
    path("media/<int:file_id>", library_api.LibraryFileView.as_view(), name="library-item"),
    path("media/<int:file_id>/file", library_api.LibraryContentView.as_view(), name="library-file"),
    path("media/<int:file_id>/thumbnail", library_api.LibraryThumbnailView.as_view(), name="library-thumbnail"),
    path("templates", template_api.TemplatesView.as_view(), name="templates"),
    path("templates/<int:template_id>", template_api.TemplateView.as_view(), name="template"),
    path(
        "templates/<int:template_id>/versions", template_api.TemplateVersionsView.as_view(), name="template-versions"
    ),
]
