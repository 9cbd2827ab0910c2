from django.urls import path

from broadcasts import api_bulk, api_lists, api_reminders

urlpatterns = [
    path("broadcasts", api_lists.ListsView.as_view(), name="broadcast-lists"),
    path("broadcasts/<int:broadcast_list_id>", api_lists.ListView.as_view(), name="broadcast-list"),
    path(
        "broadcasts/<int:broadcast_list_id>/members",
        api_lists.ListMembersView.as_view(),
        name="broadcast-members",
    ),
    path("broadcasts/<int:broadcast_list_id>/send", api_lists.SendView.as_view(), name="send-broadcast"),
    path("broadcasts/<int:broadcast_list_id>/history", api_lists.HistoryView.as_view(), name="broadcast-history"),
    path("messages/bulk", api_bulk.BulkView.as_view(), name="bulk"),
    path("reminders", api_reminders.RemindersView.as_view(), name="reminders"),
    path("reminders/<int:reminder_id>", api_reminders.ReminderView.as_view(), name="reminder"),
    path(
        "reminders/<int:reminder_id>/pause",
        api_reminders.ReminderChangeView.as_view(what="pause"),
        name="pause-reminder",
    ),
    path(
        "reminders/<int:reminder_id>/resume",
        api_reminders.ReminderChangeView.as_view(what="resume"),
        name="resume-reminder",
    ),
]
