"""What the admin shows of Django and of django-celery-beat, and where its sign-in is."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django_celery_beat.admin import (
    ClockedScheduleAdmin,
    CrontabScheduleAdmin,
    PeriodicTaskAdmin,
    PeriodicTaskForm,
    TaskSelectWidget,
)
from django_celery_beat.models import (
    ClockedSchedule,
    CrontabSchedule,
    IntervalSchedule,
    PeriodicTask,
    SolarSchedule,
)
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.admin_base import SuperuserOnly
from accounts.admin_lists import EMPTY
from whatsapp_automation import admin_pages

admin.site.login = admin_pages.sign_in  # type: ignore[method-assign]

for model in (Group, PeriodicTask, IntervalSchedule, CrontabSchedule, SolarSchedule, ClockedSchedule):
    admin.site.unregister(model)  # roles decide what people may do; schedules come back below


class TaskSelect(UnfoldAdminSelectWidget, TaskSelectWidget):
    template_name = "unfold/widgets/select.html"


class TaskForm(PeriodicTaskForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["task"].widget = UnfoldAdminTextInputWidget()
        self.fields["regtask"].widget = TaskSelect()


@admin.register(PeriodicTask)
class TaskAdmin(SuperuserOnly, PeriodicTaskAdmin, ModelAdmin):
    """Tasks are switched off, never deleted: without some of them nothing is sent. That keeps their schedules too."""

    form = TaskForm
    list_display = ("name", "enabled", "schedule", "last_run_at", "total_run_count")
    list_filter = ("enabled", "one_off")
    date_hierarchy = None
    list_per_page = 50
    empty_value_display = EMPTY

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False


@admin.register(IntervalSchedule)
class IntervalAdmin(SuperuserOnly, ModelAdmin):
    list_per_page = 50


@admin.register(CrontabSchedule)
class CrontabAdmin(SuperuserOnly, CrontabScheduleAdmin, ModelAdmin):
    inlines = ()
    list_per_page = 50


@admin.register(SolarSchedule)
class SolarAdmin(SuperuserOnly, ModelAdmin):
    list_per_page = 50


@admin.register(ClockedSchedule)
class ClockedAdmin(SuperuserOnly, ClockedScheduleAdmin, ModelAdmin):
    inlines = ()
    list_per_page = 50
