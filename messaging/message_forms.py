"""The part of a form that writes a message: its text, and what goes with it. `components/message_editor.html` shows it."""

import json
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from messaging import message_files
from messaging.attachments import InvalidFile
from messaging.message_files import Attached

WALL_FORMAT = "%Y-%m-%dT%H:%M"


class WallTimeField(forms.CharField):
    """A moment on the clock of the zone that the form names: a `datetime` without one, or None."""

    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format=WALL_FORMAT)

    def to_python(self, value: Any) -> Any:
        written = super().to_python(value)
        if not written:
            return None
        try:
            return datetime.fromisoformat(written).replace(tzinfo=None)
        except ValueError:
            raise forms.ValidationError(_("Write a day and a time.")) from None


class MessageTextField(forms.CharField):
    """The text, with what the editor's script listens to."""

    def __init__(self, **kwargs: Any) -> None:
        attrs = {"rows": 9, "dir": "auto", "x-ref": "text", "x-on:input": "typed", "x-on:select": "typed"}
        given: dict[str, Any] = {
            "label": _("Message"),
            "strip": False,
            "required": False,
            "widget": forms.Textarea(attrs=attrs),
        }
        super().__init__(**{**given, **kwargs})


class AttachedField(forms.CharField):
    """The token of a file that was uploaded before. Cleans to an `Attached`; of one organization."""

    organization: Organization

    def __init__(self, **kwargs: Any) -> None:
        widget = forms.HiddenInput(attrs={"x-ref": "token", "data-attached": ""})
        super().__init__(**{"required": False, "widget": widget, "label": _("File"), **kwargs})

    def clean(self, value: Any) -> Attached:
        try:
            return message_files.read(self.organization, super().clean(value) or "")
        except InvalidFile as error:
            raise forms.ValidationError(str(error)) from error


def shown(organization: Organization, token: str) -> str:
    """What the editor's script needs to know of a file that the form has already, as JSON."""
    try:
        attached = message_files.read(organization, token)
    except InvalidFile:
        attached = Attached()
    return json.dumps(attached.described(organization), ensure_ascii=False)
