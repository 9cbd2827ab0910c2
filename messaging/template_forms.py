"""The form of a template. The service decides what is right; the form reads it and shows what the service said."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from messaging import message_forms
from messaging.message_forms import AttachedField, MessageTextField


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
    text = MessageTextField()
    attached = AttachedField()

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization = organization
        self.fields["attached"].organization = organization  # type: ignore[attr-defined]

    @property
    def shown_file(self) -> str:
        """For the editor's script."""
        return message_forms.shown(self.organization, self["attached"].value() or "")

    def content(self) -> dict[str, Any]:
        """`media` and `kind`, as the services take them."""
        attached = self.cleaned_data["attached"]
        return {"media": attached.media, "kind": attached.kind}
