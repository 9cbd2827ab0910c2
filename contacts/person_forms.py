"""Forms of a contact's page. What a field may hold is decided by `contacts.people`; forms read and show."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.forms import BoundField
from django.utils.translation import gettext as _g
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization
from contacts.models import AttributeDefinition, AttributeKind, Contact

MOST_FIELDS = 100  # attributes with a field of their own
BEGINS = "attribute_"


class ContactForm(forms.Form):
    """A person with every attribute that the organization knows, each in a field of its type, and one more."""

    name = forms.CharField(label=_("Name"), required=False, max_length=200)
    phone_number = forms.CharField(
        label=_("Phone number"),
        max_length=60,
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "off"}),
    )
    keep_number = forms.BooleanField(
        label=_("If the number changes: keep the old one, they may still write from it"), required=False, initial=True
    )
    tags = forms.CharField(label=_("Tags"), required=False, help_text=_("Separated by commas."))
    new_key = forms.CharField(label=_("One more attribute"), required=False, max_length=200)
    new_value = forms.CharField(label=_("Its value"), required=False)

    def __init__(
        self, data: Mapping[str, Any] | None, *, organization: Organization, contact: Contact | None = None
    ) -> None:
        self.contact = contact
        known = contact.attributes if contact is not None else {}
        initial: dict[str, Any] = {BEGINS + key: value for key, value in known.items()}
        if contact is not None:
            initial |= {"name": contact.name, "phone_number": contact.phone_number, "tags": ", ".join(contact.tags)}
        super().__init__(data, initial=initial)
        if contact is None:
            del self.fields["keep_number"]
        elif not contact.phone_number:
            self.fields["phone_number"].required = False
        self._add_attributes(organization, known)

    def _add_attributes(self, organization: Organization, known: Mapping[str, Any]) -> None:
        definitions = AttributeDefinition.objects.for_organization(organization).order_by("key")[:MOST_FIELDS]
        named = {definition.key: (str(definition), definition.kind) for definition in definitions}
        for key in sorted({*named, *known}):
            label, kind = named.get(key, (key, str(AttributeKind.TEXT)))
            self.fields[BEGINS + key] = _field_of(kind, label)

    @property
    def attribute_fields(self) -> list[BoundField]:
        return [self[name] for name in self.fields if name.startswith(BEGINS)]

    def values(self) -> dict[str, Any]:
        """What `people.create` and `people.change` take. An attribute whose field was emptied goes."""
        given = self.cleaned_data
        attributes: dict[str, Any] = {}
        known = self.contact.attributes if self.contact is not None else {}
        for name in self.fields:
            key = name.removeprefix(BEGINS)
            if name.startswith(BEGINS) and (given[name] or key in known):
                attributes[key] = given[name] or None
        if given["new_key"]:
            attributes[given["new_key"]] = given["new_value"]
        tags = [part for part in given["tags"].replace(";", ",").split(",") if part.strip()]
        values = {"name": given["name"], "attributes": attributes, "tag_names": tags}
        if given["phone_number"]:
            values["phone_number"] = given["phone_number"]
        return values

    def clean_new_value(self) -> str:
        if self.cleaned_data.get("new_value") and not self.cleaned_data.get("new_key"):
            raise ValidationError(_g("Write which attribute this is."))
        return str(self.cleaned_data["new_value"])

    def add_service_errors(self, error: ValidationError) -> None:
        for field, texts in error.message_dict.items():
            name = field if field in self.fields else None
            for text in texts:
                key = BEGINS + text.partition(":")[0]
                self.add_error(
                    key if key in self.fields else name, text.partition(": ")[2] if key in self.fields else text
                )


def _field_of(kind: str, label: str) -> forms.Field:
    if kind == AttributeKind.DATE:
        return forms.CharField(label=label, required=False, widget=forms.DateInput(attrs={"type": "date"}))
    if kind == AttributeKind.NUMBER:
        return forms.CharField(label=label, required=False, widget=forms.TextInput(attrs={"inputmode": "decimal"}))
    if kind == AttributeKind.YES_NO:
        return forms.ChoiceField(label=label, required=False, choices=[("", "–"), ("yes", _("Yes")), ("no", _("No"))])
    return forms.CharField(label=label, required=False)


class ListNameForm(forms.Form):
    name = forms.CharField(label=_("Name of the list"), max_length=120)


class PasteForm(forms.Form):
    numbers = forms.CharField(
        label=_("Phone numbers"),
        help_text=_("One a line, or separated by commas. Who is no contact yet becomes one."),
        widget=forms.Textarea(attrs={"rows": 8, "inputmode": "tel"}),
    )
