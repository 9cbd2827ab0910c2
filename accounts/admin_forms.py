"""Forms of the admin: they validate like any form, and then a service does the change."""

from typing import Any

from django.contrib.admin.utils import flatten_fieldsets
from django.core.exceptions import ValidationError
from django.db import models
from django.http import HttpRequest, HttpResponse

from accounts.admin_actions import RowActions, reasons_of


class Refused(Exception):
    """A service said no while a form was saved. Nothing was changed; the form is shown again with the reason."""


class ServiceAdmin(RowActions):
    """Adds and changes rows through services.

    A subclass names in `editable_on_add` and `editable_on_change` what its forms offer and implements `add_row` and
    `change_row`. Without them there is no form: rows are read-only. Nothing is deleted by Django's own delete, which
    would take history with it; what may go, goes by a `RowAction`.
    """

    editable_on_add: tuple[str, ...] = ()
    editable_on_change: tuple[str, ...] = ()
    add_form: type[Any] | None = None

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(self.editable_on_add) and self.has_manage_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(self.editable_on_change) and self.has_manage_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def add_row(self, request: Any, values: dict[str, Any]) -> models.Model:
        """Makes a row from the form's values, with a service."""
        raise NotImplementedError

    def change_row(self, request: Any, row: Any, changes: dict[str, Any]) -> None:
        """Changes a row, with a service. `changes` holds only what the person changed."""
        raise NotImplementedError

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None and not self.add_fieldsets:
            return [(None, {"fields": self.editable_on_add})]
        return super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Whatever the page shows and the form does not offer."""
        editable = self.editable_on_add if obj is None else self.editable_on_change
        shown = flatten_fieldsets(self.get_fieldsets(request, obj))
        return [name for name in shown if name not in editable]

    def get_form(self, request: Any, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None and self.add_form is not None:
            kwargs["form"] = self.add_form
        form_class = super().get_form(request, obj, change=change, **kwargs)
        refusal = getattr(request, "admin_refusal", None)
        return form_class if refusal is None else _with_refusal(form_class, refusal)

    def formfield_for_dbfield(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Without the buttons that add or change the chosen row in a second window."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        for button in ("add", "change", "delete", "view"):
            if field is not None and hasattr(field.widget, f"can_{button}_related"):
                setattr(field.widget, f"can_{button}_related", False)
        return field

    def changeform_view(
        self, request: Any, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        # Next to "Save" and "Save and continue" a third button only makes people wonder.
        extra_context = {"show_save_and_add_another": object_id is None, **(extra_context or {})}
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except Refused as refused:  # its transaction is rolled back by now
            request.admin_refusal = refused.__cause__
            return super().changeform_view(request, object_id, form_url, extra_context)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        try:
            if change:
                row = self.model._default_manager.get(pk=obj.pk)  # `obj` carries the form's values already
                self.change_row(request, row, {name: form.cleaned_data[name] for name in form.changed_data})
                row.refresh_from_db()
            else:
                row = self.add_row(request, form.cleaned_data)
        except self.refusals as refusal:
            raise Refused from refusal
        obj.__dict__.update(row.__dict__)  # what follows (log, message, next page) is about the row as it is now


def _with_refusal(form_class: type[Any], refusal: Exception) -> type[Any]:
    """The form with the service's complaint, at the fields it names where the form has them."""

    class RefusedForm(form_class):
        def _post_clean(self) -> None:
            super()._post_clean()
            named = refusal.error_dict if hasattr(refusal, "error_dict") else {}
            for field, errors in named.items():
                self.add_error(field if field in self.fields else None, ValidationError(errors))
            if not named:
                self.add_error(None, ValidationError(reasons_of(refusal)))

    return RefusedForm
