"""Addresses of broadcasts, bulk sends and reminders, under `/o/<organization>/broadcasts`."""

from django.urls import path

from broadcasts import pages_lists, pages_reminders, pages_sends

app_name = "broadcasts"
urlpatterns = [
    path("", pages_lists.lists, name="list"),
    path("/new", pages_lists.new, name="new"),
    path("/<int:broadcast_list_id>", pages_lists.detail, name="detail"),
    path("/<int:broadcast_list_id>/groups", pages_lists.groups, name="groups"),
    path("/<int:broadcast_list_id>/send", pages_lists.send, name="send"),
    path("/<int:broadcast_list_id>/people", pages_lists.people, name="people"),
    path("/<int:broadcast_list_id>/people/add", pages_lists.add_people, name="add_people"),
    path("/<int:broadcast_list_id>/people/remove", pages_lists.remove_people, name="remove_people"),
    path("/<int:broadcast_list_id>/edit", pages_lists.edit, name="edit"),
    path("/<int:broadcast_list_id>/delete", pages_lists.delete, name="delete"),
    path("/bulk", pages_sends.bulk_sends, name="bulk"),
    path("/bulk/new", pages_sends.new_bulk, name="new_bulk"),
    path("/batches/<int:batch_id>", pages_sends.batch, name="batch"),
    path("/batches/<int:batch_id>/live", pages_sends.batch_live, name="batch_live"),
    path("/batches/<int:batch_id>/change", pages_sends.change_batch, name="change_batch"),
    path("/reminders", pages_reminders.reminder_list, name="reminders"),
    path("/reminders/new", pages_reminders.new, name="new_reminder"),
    path("/reminders/<int:reminder_id>/change", pages_reminders.change, name="change_reminder"),
]
