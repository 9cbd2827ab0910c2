"""Forms of contacts. Services decide; forms read what people wrote and show what the services said."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from contacts import attributes, import_rows, tags
from contacts import columns as column_rules
from contacts.columns import PHONE, ROLES, variable_key
from contacts.limits import letter
from contacts.mapping import MappingError, mapped
from contacts.models import AttributeKind, BlocklistEntry, ContactList, ListImport

ATTRIBUTE = "attribute"  # as the mapping calls a column without a role
ROLE_CHOICES = [(role or ATTRIBUTE, words) for role, words in ROLES.items()]


class ImportForm(forms.Form):
    """A sheet of people, for contacts and, if wanted, onto a list: one that is there or a new one; or of numbers for
    the blocklist."""

    file = forms.FileField(
        label=_("Your list"),
        allow_empty_file=True,
        error_messages={"required": _("Choose a file: .xlsx, .xls, .ods or .csv.")},
        widget=forms.FileInput(attrs={"accept": ".xlsx,.xls,.ods,.csv,.txt,.tsv"}),
    )
    purpose = forms.ChoiceField(
        label=_("What it holds"),
        choices=ListImport.Purpose.choices,
        initial=ListImport.Purpose.CONTACTS,
        widget=forms.RadioSelect(attrs={"x-on:change": "choose"}),
    )
    block_as = forms.ChoiceField(
        label=_("Why they are blocked"), choices=BlocklistEntry.Reason.choices, required=False
    )
    contact_list = forms.ModelChoiceField(
        label=_("Put them on the list"), queryset=ContactList.objects.none(), required=False, empty_label=_("No list")
    )
    new_list = forms.CharField(
        label=_("or on a new list named"), max_length=120, required=False, widget=forms.TextInput()
    )
    tags = forms.CharField(
        label=_("Tag everybody with"),
        max_length=500,
        required=False,
        help_text=_("Between commas, such as: customer, jakarta."),
    )
    consent_source = forms.CharField(
        label=_("They agreed to be messaged: where?"),
        max_length=200,
        required=False,
        help_text=_(
            "Such as: stand at the fair in March. Empty, if they did not, or if a column of the file says it."
        ),
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        lists = ContactList.objects.for_organization(organization)
        self.fields["contact_list"].queryset = lists  # type: ignore[attr-defined]

    def clean_tags(self) -> list[str]:
        return tags.split(self.cleaned_data["tags"])

    def clean_block_as(self) -> str:
        return self.cleaned_data["block_as"] or BlocklistEntry.Reason.BLOCKED.value

    def list_name(self) -> str:
        """What `import_requests.start_import` takes: the name of a new list, else the id of a chosen one."""
        chosen = self.cleaned_data["contact_list"]
        return self.cleaned_data["new_list"] or (str(chosen.pk) if chosen else "")


class ColumnsForm(forms.Form):
    """Which worksheet of a read import counts, and what each of its columns is. `chosen` is what the service takes."""

    def __init__(self, *args: Any, list_import: ListImport, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.guessed = column_rules.from_json(list_import.columns)
        self.sample = list_import.sample.get("rows", [])
        self.sheets = list_import.sample.get("sheets", [])
        self.sheet = list_import.sample.get("sheet", "")
        self.known_kinds = attributes.kinds_of(list_import.organization_id)
        wanted_kinds = import_rows.wanted_kinds(list_import)
        if len(self.sheets) > 1:
            names = [(name, name) for name in self.sheets]
            self.fields["sheet"] = forms.ChoiceField(label=_("Worksheet"), choices=names, initial=self.sheet)
        for index, column in enumerate(self.guessed):
            name = column.header or _("Column %(letter)s") % {"letter": letter(index)}
            self.fields[f"role_{index}"] = forms.ChoiceField(
                label=_("What “%(column)s” is") % {"column": name},
                choices=ROLE_CHOICES,
                initial=column.role or ATTRIBUTE,
                required=False,
                widget=forms.Select(attrs={"x-on:change": "choose", "class": "form-select"}),
            )
            self.fields[f"key_{index}"] = forms.CharField(
                label=_("Name of the attribute “%(column)s”") % {"column": name},
                initial=column.key,
                max_length=100,
                required=False,
                widget=forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"}),
            )
            self.fields[f"kind_{index}"] = forms.ChoiceField(
                label=_("Type of the attribute “%(column)s”") % {"column": name},
                choices=AttributeKind.choices,
                initial=wanted_kinds.get(column.key, AttributeKind.TEXT),
                required=False,
                widget=forms.Select(attrs={"class": "form-select"}),
            )

    def rows(self) -> list[dict[str, Any]]:
        """The columns as the page lists them, with what stands in their first cells."""
        return [
            {
                "name": column.header,
                "letter": letter(index),
                "sample": [row[index] for row in self.sample if index < len(row) and row[index].strip()][:3],
                "role": self[f"role_{index}"],
                "key": self[f"key_{index}"],
                # The type of an attribute that exists is changed where attributes are, with a look at all its values.
                "kind": self[f"kind_{index}"] if column.key not in self.known_kinds else None,
                "known_kind": AttributeKind(self.known_kinds.get(column.key, AttributeKind.TEXT)).label,
            }
            for index, column in enumerate(self.guessed)
        ]

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        sheet = given.get("sheet", "")
        if sheet and sheet != self.sheet:  # its columns are not known yet
            return {**given, "chosen": {"sheet": sheet, "mapping": None}}
        mapping = [
            {
                "index": index,
                "role": given.get(f"role_{index}") or ATTRIBUTE,
                "key": variable_key(given.get(f"key_{index}", "")) or column.key,
                "kind": given.get(f"kind_{index}") or AttributeKind.TEXT.value,
            }
            for index, column in enumerate(self.guessed)
        ]
        try:
            mapped(self.guessed, mapping)
        except MappingError as error:
            raise ValidationError(str(error)) from error
        if not any(entry["role"] == PHONE for entry in mapping):
            raise ValidationError(_("Choose which column holds the phone numbers."))
        return {**given, "chosen": {"sheet": sheet, "mapping": mapping}}
