"""Contacts, lists, the blocklist and imports, in the admin."""

from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.humanize.templatetags.humanize import intcomma
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Q
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from accounts.admin_actions import RowAction
from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import EMPTY, LongListMixin, RelatedFilter, moment_column, name_column, pairs, status_column
from contacts import (
    admin_blocklist,
    admin_consent,
    admin_history,
    admin_segments,
    blocklist,
    import_requests,
    services,
    tasks,
)
from contacts.admin_phone import PhoneForm, PhoneSearchMixin
from contacts.columns import variable_key
from contacts.models import Contact, ContactList, ContactListMember, ImportChange, ImportedRow, ListImport
from contacts.phone_numbers import InvalidNumber

__all__ = [
    "admin_blocklist",
    "admin_consent",
    "admin_history",
    "admin_segments",
]  # whose admins are registered with it

REFUSALS = (ValidationError, services.NotAllowed, InvalidNumber)


class AttributesField(forms.CharField):
    """Attributes as lines `name: value`, the way people read them; a line break inside a value is written `\\n`."""

    widget = UnfoldAdminTextareaWidget

    def prepare_value(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return "\n".join(f"{key}: {str(text).replace(chr(10), chr(92) + 'n')}" for key, text in value.items())

    def to_python(self, value: Any) -> dict[str, str]:  # type: ignore[override]
        attributes: dict[str, str] = {}
        for line in filter(None, (line.strip() for line in (value or "").splitlines())):
            name, colon, text = line.partition(":")
            key = variable_key(name)
            if not colon or not key:
                raise ValidationError(_("“%(line)s” is not written as “name: value”.") % {"line": line[:60]})
            if key in attributes:
                raise ValidationError(_("“%(name)s” is there twice.") % {"name": key})
            attributes[key] = text.strip().replace("\\n", "\n")
        return attributes

    def validate(self, value: Any) -> None:
        pass

    def run_validators(self, value: Any) -> None:
        pass

    def has_changed(self, initial: Any, data: Any) -> bool:
        try:
            return (initial or {}) != self.to_python(data)
        except ValidationError:
            return True


class ContactForm(PhoneForm):
    attributes = AttributesField(
        label=_("Attributes"),
        required=False,
        help_text=_("One a line, such as “city: Jakarta”. Texts use them as variables: {{city}}."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "phone_number" in self.fields:  # only those who wrote under a LID have none
            self.fields["phone_number"].required = True


@admin.register(Contact)
class ContactAdmin(LongListMixin, PhoneSearchMixin, OrganizationAdmin):
    area = "contacts"
    refusals = REFUSALS
    form = add_form = ContactForm
    list_display = ("shown_name", "phone_number", "known", "created", "updated")
    search_help_text = _("By phone number (whole, or how it begins) or by name.")
    editable_on_add = ("organization", "phone_number", "name", "attributes")
    editable_on_change = ("name", "attributes")
    fieldsets = (
        (None, {"fields": ("name", "phone_number", "lid", "organization", "attributes")}),
        (_("Lists and history"), {"fields": ("on_lists", "created", "updated")}),
    )
    row_actions = (
        RowAction(
            name="block",
            title=_("Block"),
            question=_("This number is never messaged again, whatever list it is on. What waits for it is not sent."),
            done=ngettext_lazy("%(count)d number blocked.", "%(count)d numbers blocked.", "count"),
            run=lambda request, row: blocklist.block(
                organization=row.organization,
                phone_number=row.phone_number,
                source=_g("Admin: %(person)s") % {"person": request.user},
                by=request.user,
            ),
            icon="block",
            variant=ActionVariant.DANGER,
            offered=lambda row: bool(row.phone_number),
        ),
    )
    created = moment_column("created_at", _("created"), ordering=False)
    updated = moment_column("updated_at", _("changed"), ordering=False)

    @display(description=_("name"))
    def shown_name(self, row: Contact) -> str:
        return row.name or _g("(no name)")

    @display(description=_("attributes"))
    def known(self, row: Contact) -> str:
        return ", ".join(f"{key}: {text}" for key, text in list(row.attributes.items())[:3])[:80] or EMPTY

    @display(description=_("on the lists"))
    def on_lists(self, row: Contact) -> str:
        return ", ".join(row.lists.values_list("name", flat=True)) or EMPTY

    def other_condition(self, term: str) -> Q:
        return Q(name__icontains=term)

    def add_row(self, request: Any, values: dict[str, Any]) -> Contact:
        contact, is_new = services.save_contact(**values)
        if not is_new:
            raise ValidationError({"phone_number": _g("There is a contact with this number already.")})
        return contact

    def change_row(self, request: Any, row: Contact, changes: dict[str, Any]) -> None:
        services.save_contact(
            organization=row.organization, phone_number=row.phone_number, **{"name": row.name, **changes}
        )


@admin.register(ContactList)
class ContactListAdmin(OrganizationAdmin):
    area = "contacts"
    list_display = ("name", "size", "created")
    search_fields = ("name",)
    search_help_text = _("By name.")
    ordering = ("name", "id")
    editable_on_add = ("organization", "name")
    editable_on_change = ("name",)
    fieldsets = ((None, {"fields": ("name", "organization", "people", "created")}),)
    created = moment_column("created_at", _("created"))

    def prepare_rows(self, rows: list[Any]) -> None:
        members = ContactListMember.objects.filter(contact_list__in=[row.pk for row in rows])
        sizes = dict(members.values_list("contact_list").annotate(number=Count("pk")))
        for row in rows:
            row.size = sizes.get(row.pk, 0)

    @display(description=_("contacts"))
    def size(self, row: Any) -> str:
        return str(intcomma(row.size))

    @display(description=_("contacts"))
    def people(self, row: ContactList) -> str:
        number = ContactListMember.objects.filter(contact_list=row).count()
        address = reverse("admin:contacts_contactlistmember_changelist")
        words = _g("Show %(number)s contacts") % {"number": intcomma(number)}
        return format_html('<a class="text-link" href="{}?contact_list__id__exact={}">{}</a>', address, row.pk, words)

    def add_row(self, request: Any, values: dict[str, Any]) -> ContactList:
        return services.create_list(**values)

    def change_row(self, request: Any, row: ContactList, changes: dict[str, Any]) -> None:
        try:
            with transaction.atomic():
                services.rename_list(contact_list=row, **changes)
        except IntegrityError as error:
            raise ValidationError({"name": _g("Another list has this name.")}) from error


@admin.register(ContactListMember)
class ContactListMemberAdmin(LongListMixin, PhoneSearchMixin, OrganizationAdmin):
    area = "contacts"
    organization_path = "contact_list__organization"
    phone_field = "contact__phone_number"
    list_display = ("contact", "number", "contact_list")
    list_filter = (("contact_list", RelatedFilter),)
    search_help_text = _("By phone number (whole, or how it begins).")
    list_select_related = ("contact", "contact_list")
    fieldsets = ((None, {"fields": ("contact", "number", "contact_list")}),)

    @display(description=_("phone number"))
    def number(self, row: ContactListMember) -> str:
        return row.contact.phone_number


def _commit(request: Any, row: ListImport) -> None:
    import_requests.commit_import(list_import=row, by=request.user)
    tasks.run_import.delay_on_commit(row.pk)


def _cancel(request: Any, row: ListImport) -> None:
    if not row.for_contacts:
        raise services.NotAllowed(_g("This file belongs to a campaign. Cancel the campaign instead."))
    import_requests.cancel_import(list_import=row, by=request.user)


@admin.register(ListImport)
class ListImportAdmin(OrganizationAdmin):
    area = "contacts"
    refusals = REFUSALS
    list_display = ("file_name", "state", "read_so_far", "invalid", "merged", "blocked", "contact_list", "uploaded")
    list_filter = (("status", ChoicesDropdownFilter),)
    search_fields = ("file_name",)
    search_help_text = _("By name of the file.")
    list_select_related = ("contact_list", "created_by")
    date_hierarchy = "created_at"
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("file_name", "state", "error", "organization", "for_contacts", "contact_list")}),
        (
            _("What was found"),
            {"fields": ("read_so_far", "blank_rows", "invalid", "problems", "merged", "blocked", "headers")},
        ),
        (_("What was written"), {"fields": ("created_contacts", "updated_contacts")}),
        (_("History"), {"fields": ("maker", "uploaded", "finished")}),
    )
    row_actions = (
        RowAction(
            name="commit",
            title=_("Import into contacts"),
            question=_("The people of this file are written to contacts. Values in the file win over those known."),
            done=ngettext_lazy("%(count)d import is on its way.", "%(count)d imports are on their way.", "count"),
            run=_commit,
            icon="person_add",
            variant=ActionVariant.PRIMARY,
            offered=lambda row: row.status == ListImport.Status.READY and row.for_contacts,
        ),
        RowAction(
            name="cancel",
            title=_("Cancel import"),
            question=_("The file is not used. Contacts stay as they are."),
            done=ngettext_lazy("%(count)d import cancelled.", "%(count)d imports cancelled.", "count"),
            run=_cancel,
            icon="cancel",
            variant=ActionVariant.DANGER,
            offered=lambda row: row.status in ("reading", "ready", "importing") and row.for_contacts,
        ),
    )
    state = status_column(lambda row: row.status, _("status"), ordering="status")
    maker = name_column("created_by", _("uploaded by"))
    uploaded = moment_column("created_at", _("uploaded"))
    finished = moment_column("finished_at", _("finished"))

    @display(description=_("rows read"))
    def read_so_far(self, row: ListImport) -> str:
        return _g("%(read)s of %(rows)s") % {"read": intcomma(row.rows_read), "rows": intcomma(row.rows)}

    @display(description=_("columns"))
    def headers(self, row: ListImport) -> str:
        return ", ".join(column.get("header", "") for column in row.columns) or EMPTY

    @display(description=_("rows with a problem"))
    def problems(self, row: ListImport) -> str:
        if not row.invalid:
            return EMPTY
        address = reverse("admin:contacts_importedrow_changelist")
        return format_html(
            '<a class="text-link" href="{}?list_import__id__exact={}">{}</a>', address, row.pk, _g("Show them")
        )

    @display(description=_("new contacts"))
    def created_contacts(self, row: ListImport) -> str:
        return str(intcomma(row.created))

    @display(description=_("updated contacts"))
    def updated_contacts(self, row: ListImport) -> str:
        return str(intcomma(row.updated))


@admin.register(ImportedRow)
class ImportedRowAdmin(LongListMixin, PhoneSearchMixin, OrganizationAdmin):
    area = "contacts"
    organization_path = "list_import__organization"
    list_display = ("list_import", "row_number", "number", "phone_as_written", "trouble", "beginning")
    list_filter = (("list_import", RelatedFilter), ("problem", ChoicesDropdownFilter))
    search_help_text = _("By phone number (whole, or how it begins).")
    list_select_related = ("list_import",)
    fieldsets = ((None, {"fields": ("list_import", "row_number", "number", "phone_as_written", "trouble", "cells")}),)

    @display(description=_("phone number"))
    def number(self, row: ImportedRow) -> str:
        return row.phone_number or EMPTY

    trouble = status_column(
        lambda row: row.problem or "none",
        _("problem"),
        word=lambda row: row.get_problem_display(),
        tones={"none": "success", **dict.fromkeys(filter(None, ImportedRow.Problem.values), "danger")},
    )

    @display(description=_("values"))
    def beginning(self, row: ImportedRow) -> str:
        return ", ".join(str(text) for text in row.values.values() if text)[:80] or EMPTY

    @display(description=_("values"))
    def cells(self, row: ImportedRow) -> str:
        return pairs(row.values)


@admin.register(ImportChange)
class ImportChangeAdmin(LongListMixin, OrganizationAdmin):
    area = "contacts"
    organization_path = "list_import__organization"
    list_display = ("list_import", "whom", "what", "is_listed")
    list_filter = (("list_import", RelatedFilter), ("kind", ChoicesDropdownFilter))
    list_select_related = ("list_import", "contact", "blocklist_entry")
    fieldsets = ((None, {"fields": ("list_import", "whom", "what", "is_listed", "former", "latter", "added_tags")}),)

    what = status_column(
        lambda row: row.kind,
        _("what happened"),
        word=lambda row: row.get_kind_display(),
        tones={"created": "success", "updated": "info", "unchanged": "info"},
    )

    @display(description=_("whom"))
    def whom(self, row: ImportChange) -> str:
        return str(row.contact or row.blocklist_entry)

    @display(description=_("before"))
    def former(self, row: ImportChange) -> str:
        return _changed_values(row.before)

    @display(description=_("after"))
    def latter(self, row: ImportChange) -> str:
        return _changed_values(row.after)

    @display(description=_("new tags"))
    def added_tags(self, row: ImportChange) -> str:
        return ", ".join(row.tags or ()) or EMPTY


def _changed_values(values: dict[str, Any] | None) -> str:
    """`{"name": …, "attributes": {…}}` as pairs; what was not there is left out."""
    known = {**(values or {})}
    known.update(known.pop("attributes", {}))
    return pairs({key: text for key, text in known.items() if text is not None}) if known else EMPTY
