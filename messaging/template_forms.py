"""The form of a template. The service decides what is right; the form reads it and shows what the service said."""

import mimetypes
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from messaging import attachments
from messaging.kinds import Kind
from messaging.models import Media


class TemplateForm(forms.Form):
    name = forms.CharField(
        label=_("Name"), required=False, max_length=120, widget=forms.TextInput(attrs={"required": True})
    )
    folder = forms.CharField(
        label=_("Folder"),
        required=False,
        max_length=80,
        help_text=_("Type a new name to make a new folder."),
        widget=forms.TextInput(attrs={"list": "folders", "autocomplete": "off"}),
    )
    text = forms.CharField(
        label=_("Message"),
        strip=False,
        required=False,
        widget=forms.Textarea(attrs={"rows": 8, "dir": "auto", "x-ref": "text", "x-on:input": "typed"}),
    )
    file = forms.FileField(
        label=_("File"),
        required=False,
        help_text=_("A picture, a video or a document that goes out with the text below it."),
    )
    without_file = forms.BooleanField(label=_("Remove the file"), required=False)

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization = organization

    def content(self, before: Media | None = None, kind: str = Kind.TEXT) -> dict[str, Any]:
        """`media` and `kind`: of the file that was chosen, else those of the version `before`. Raises `InvalidFile`."""
        file = self.cleaned_data["file"]
        if not file:
            kept = before is not None and not self.cleaned_data["without_file"]
            return {"media": before, "kind": kind} if kept else {"media": None, "kind": Kind.TEXT}
        mime_type = file.content_type or mimetypes.guess_type(file.name)[0] or attachments.ANY
        chosen = attachments.kind_for(mime_type)
        media = attachments.take_in(
            organization_id=self.organization.pk, kind=chosen, file=file, mime_type=mime_type, file_name=file.name
        )
        return {"media": media, "kind": chosen}
