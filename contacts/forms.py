"""Forms of contacts. Services decide; forms read what people wrote and show what the services said."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from contacts.models import BlocklistEntry, ContactList


class ImportForm(forms.Form):
    """A sheet of people, for contacts and, if wanted, onto a list: one that is there or a new one."""

    file = forms.FileField(
        label=_("Excel list"),
        allow_empty_file=True,
        error_messages={"required": _("Choose an Excel file.")},
        widget=forms.FileInput(attrs={"accept": ".xlsx,.xls,.ods,.csv,.tsv,.txt"}),
    )
    contact_list = forms.ModelChoiceField(
        label=_("Put them on the list"), queryset=ContactList.objects.none(), required=False, empty_label=_("No list")
    )
    new_list = forms.CharField(
        label=_("or on a new list named"), max_length=120, required=False, widget=forms.TextInput()
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lists = ContactList.objects.for_organization(organization)
        self.fields["contact_list"].queryset = lists  # type: ignore[attr-defined]

    def list_name(self) -> str:
        """What `services.start_import` takes: the name of a new list, else the id of a chosen one."""
        chosen = self.cleaned_data["contact_list"]
        return self.cleaned_data["new_list"] or (str(chosen.pk) if chosen else "")


class BlockForm(forms.Form):
    phone_number = forms.CharField(
        label=_("Phone number"),
        max_length=60,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    reason = forms.ChoiceField(label=_("Reason"), choices=BlocklistEntry.Reason.choices)
