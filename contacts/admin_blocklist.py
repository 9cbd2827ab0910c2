"""The blocklist, its history and an organization's settings for it, in the admin."""

from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import Q
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext_lazy
from unfold.contrib.filters.admin import ChoicesDropdownFilter
from unfold.decorators import display
from unfold.enums import ActionVariant

from accounts.admin_actions import RowAction
from accounts.admin_base import OrganizationAdmin
from accounts.admin_lists import LongListMixin, moment_column, status_column
from contacts import blocklist
from contacts.admin_phone import PhoneForm, PhoneSearchMixin
from contacts.models import BlocklistEntry, ContactSettings, OptOutEvent
from contacts.phone_numbers import InvalidNumber

REFUSALS = (ValidationError, InvalidNumber)


@admin.register(BlocklistEntry)
class BlocklistEntryAdmin(LongListMixin, PhoneSearchMixin, OrganizationAdmin):
    area = "contacts"
    refusals = REFUSALS
    list_display = ("number", "why", "asked_by", "source", "created")
    list_filter = (("reason", ChoicesDropdownFilter), ("asked_by", ChoicesDropdownFilter))
    search_help_text = _("By phone number (whole, or how it begins), or by who asked for it.")
    add_form = PhoneForm
    editable_on_add = ("organization", "phone_number", "reason", "source")
    fieldsets = (
        (
            None,
            {"fields": ("number", "organization", "why", "blocked_by_staff", "asked_by", "source", "created")},
        ),
        (_("What they wrote"), {"fields": ("evidence_text", "written", "evidence_id", "lid")}),
    )
    add_fieldsets = ((None, {"fields": ("organization", "phone_number", "reason", "source")}),)
    row_actions = (
        RowAction(
            name="remove",
            title=_("Take off the blocklist"),
            question=_("This number may be messaged again. Whoever asked to be left alone should have agreed to it."),
            done=ngettext_lazy(
                "%(count)d number taken off the blocklist.", "%(count)d numbers taken off the blocklist.", "count"
            ),
            run=lambda request, row: blocklist.unblock(
                organization=row.organization, phone_number=row.phone_number or "", lid=row.lid, by=request.user
            ),
            icon="undo",
            variant=ActionVariant.WARNING,
        ),
    )
    created = moment_column("created_at", _("since"))
    written = moment_column("evidence_at", _("written"))
    why = status_column(
        lambda row: row.reason,
        _("reason"),
        ordering="reason",
        word=lambda row: row.get_reason_display(),
        tones={"blocked": "danger", "opted_out": "warning"},
    )

    @display(description=_("phone number"), ordering="phone_number")
    def number(self, row: BlocklistEntry) -> str:
        return str(row)

    def other_condition(self, term: str) -> Q:
        return Q(source__icontains=term)

    def add_row(self, request: Any, values: dict[str, Any]) -> BlocklistEntry:
        entry, is_new = blocklist.block(by=request.user, **values)
        if not is_new:
            raise ValidationError({"phone_number": _g("This number is on the blocklist already.")})
        return entry


@admin.register(OptOutEvent)
class OptOutEventAdmin(LongListMixin, PhoneSearchMixin, OrganizationAdmin):
    area = "contacts"
    list_display = ("number", "what", "asked_by", "source", "moment")
    list_filter = (("kind", ChoicesDropdownFilter), ("asked_by", ChoicesDropdownFilter))
    search_help_text = _("By phone number (whole, or how it begins).")
    fieldsets = (
        (None, {"fields": ("number", "organization", "what", "asked_by", "source", "moment")}),
        (_("What they wrote"), {"fields": ("text", "whatsapp_id", "lid")}),
    )
    moment = moment_column("at", _("at"), ordering=False)
    what = status_column(
        lambda row: row.kind,
        _("what happened"),
        word=lambda row: row.get_kind_display(),
        tones={"opted_out": "warning", "opted_in": "success", "removed": "danger"},
    )

    @display(description=_("phone number"))
    def number(self, row: OptOutEvent) -> str:
        return row.phone_number or f"LID {row.lid}"


@admin.register(ContactSettings)
class ContactSettingsAdmin(OrganizationAdmin):
    """To look up. The page under Contacts changes them, since it checks and previews the words."""

    area = "contacts"
    list_display = ("organization", "language", "opt_out_rate_days")
    ordering = ("organization__name",)
    fieldsets = (
        (None, {"fields": ("organization", "language", "opt_out_rate_days")}),
        (_("Words"), {"fields": ("opt_out_words", "opt_in_words")}),
        (_("Texts"), {"fields": ("opt_out_reply", "opt_in_reply", "unsubscribe_text")}),
    )
