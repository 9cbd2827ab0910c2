"""Actions on rows of the admin: declared once, offered in the list (for all ticked rows) and on the row's own page."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect
from unfold.admin import ModelAdmin
from unfold.enums import ActionVariant


@dataclass(frozen=True, kw_only=True)
class RowAction:
    """Something that can be done to a row, through a service.

    On the row's page it always asks first: a bare link must not change anything. In the list it asks when `asks`.
    """

    name: str
    title: str | Promise  # the words on the button
    question: str | Promise  # what will happen, asked before it does
    done: Any  # ngettext_lazy with `count`
    run: Callable[[Any, Any], object]  # request and row; raises one of the admin's `refusals` to say no
    icon: str  # a name of Material Symbols
    variant: ActionVariant = ActionVariant.DEFAULT
    asks: bool = True
    offered: Callable[[Any], bool] = lambda row: True  # whether the row's page shows the button

    @property
    def is_danger(self) -> bool:
        return self.variant == ActionVariant.DANGER


class RowActions(ModelAdmin):
    """Turns `row_actions` into Django's list actions and unfold's buttons."""

    row_actions: tuple[RowAction, ...] = ()
    refusals: tuple[type[Exception], ...] = (ValidationError,)  # what services raise to say no; shown to the person

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "row_actions" not in cls.__dict__:
            return
        for action in cls.row_actions:
            setattr(cls, f"{action.name}_selected", _for_list(action))
            setattr(cls, f"{action.name}_one", _for_page(action))
        cls.actions = [f"{action.name}_selected" for action in cls.row_actions]
        cls.actions_detail = [f"{action.name}_one" for action in cls.row_actions]

    def has_manage_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        raise NotImplementedError

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> list[Any]:
        row = self.get_object(request, unquote(str(object_id)))
        if row is None or not self.has_manage_permission(request, row):
            return []
        offered = {f"{action.name}_one" for action in self.row_actions if action.offered(row)}
        return [each for each in self._get_base_actions_detail() if each.method.__name__ in offered]

    # -- Running --

    def run_action(self, request: Any, action: RowAction, rows: Iterable[Any]) -> None:
        """Runs it on each row by itself: one that is refused does not hold up the others."""
        count = 0
        for row in rows:
            name = str(row)  # before it may be gone
            if not self.has_manage_permission(request, row):
                self.message_user(
                    request, _("%(row)s: your role does not allow this.") % {"row": name}, messages.ERROR
                )
                continue
            try:
                action.run(request, row)
            except self.refusals as refusal:
                reason = " ".join(reasons_of(refusal))
                self.message_user(request, f"{name}: {reason}", messages.ERROR)
                continue
            self.log_change(request, row, str(action.title))
            count += 1
        if count:
            self.message_user(request, action.done % {"count": count}, messages.SUCCESS)

    def run_on_selected(self, request: HttpRequest, action: RowAction, rows: Any) -> HttpResponse | None:
        if action.asks and "confirmed" not in request.POST:
            context = {
                **self.admin_site.each_context(request),
                "title": action.title,
                "action": action,
                "rows": rows,
                "opts": self.opts,
                "checkbox_name": ACTION_CHECKBOX_NAME,
                "is_danger": action.is_danger,
            }
            return TemplateResponse(request, "admin/confirm_action.html", context)
        self.run_action(request, action, rows)
        return None

    def run_on_one(self, request: Any, action: RowAction, object_id: str) -> HttpResponse:
        row = self.get_object(request, unquote(object_id))
        if row is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        if not self.has_manage_permission(request, row):
            raise PermissionDenied
        if request.method != "POST":
            context = {"action": action, "row": row, "is_danger": action.is_danger}
            return render(request, "admin/action_dialog.html", context)
        pk = row.pk
        self.run_action(request, action, [row])
        model = f"{self.admin_site.name}:{self.opts.app_label}_{self.opts.model_name}"
        is_there = self.get_queryset(request).filter(pk=pk).exists()
        address = reverse(f"{model}_change", args=[pk]) if is_there else reverse(f"{model}_changelist")
        return HttpResponseClientRedirect(address) if request.htmx else redirect(address)


def reasons_of(refusal: Exception) -> list[str]:
    """What a service said, as sentences."""
    return list(refusal.messages) if isinstance(refusal, ValidationError) else [str(refusal)]


def _for_list(action: RowAction) -> Callable[..., Any]:
    def run(self: RowActions, request: HttpRequest, rows: Any) -> HttpResponse | None:
        return self.run_on_selected(request, action, rows)

    run.__name__ = f"{action.name}_selected"
    run.short_description = action.title  # type: ignore[attr-defined]
    run.allowed_permissions = ["manage"]  # type: ignore[attr-defined]
    return run


def _for_page(action: RowAction) -> Callable[..., Any]:
    def run(self: RowActions, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.run_on_one(request, action, object_id)

    run.__name__ = f"{action.name}_one"
    wanted_by_unfold = {
        "short_description": action.title,
        "url_path": action.name,
        "attrs": {},
        "icon": action.icon,
        "variant": action.variant,
        "dialog": {"title": action.title},  # its presence makes the button open a dialog
    }
    for name, value in wanted_by_unfold.items():
        setattr(run, name, value)
    return run
