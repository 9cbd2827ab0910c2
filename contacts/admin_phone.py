"""Phone numbers in the admin: written as people write them, and found through an index, however many rows there are."""

import re
from typing import Any

from django import forms
from django.db.models import Q
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.admin_access import access_of
from contacts.phone_numbers import InvalidNumber, find_mobile, normalise

_WRITTEN_NUMBER = re.compile(r"\+?[\d\s().\-/]*\d[\d\s().\-/]*")


def begins_with(field: str, prefix: str) -> Q:
    """`field` begins with `prefix`, a plus and digits. A range, since LIKE uses no index under most collations."""
    found = Q(**{f"{field}__gte": prefix})
    significant = prefix[1:].rstrip("9")
    if not significant:
        return found
    return found & Q(**{f"{field}__lt": f"+{significant[:-1]}{int(significant[-1]) + 1}"})


def phone_condition(term: str, field: str, regions: set[str]) -> Q | None:
    """The rows that somebody may mean who typed `term`; None where it is no phone number, nor a part of one."""
    if not _WRITTEN_NUMBER.fullmatch(term):
        return None
    digits = re.sub(r"\D", "", term)
    whole = {number for region in regions if (number := find_mobile(term, region))}
    if whole:
        return Q(**{f"{field}__in": sorted(whole)})
    return begins_with(field, f"+{digits.removeprefix('00')}")


class PhoneSearchMixin(ModelAdmin):
    """Searches `phone_field` from its beginning, and `exact_search_fields` and the row's number as a whole.

    Numbers may be written as in the organization's country: 0812… finds +62812….
    """

    phone_field = "phone_number"
    search_fields = ("phone_number",)
    exact_search_fields: tuple[str, ...] = ()

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        term = search_term.strip()
        if not term:
            return queryset, False
        regions = {each.default_region for each in access_of(request).organizations(self.view_capability)}
        condition = phone_condition(term, self.phone_field, regions)
        return queryset.filter(self.other_condition(term) if condition is None else condition), False

    def other_condition(self, term: str) -> Q:
        """What is searched where no phone number was typed."""
        found = Q(pk__in=[])
        for field in self.exact_search_fields:
            found |= Q(**{field: term})
        return found


class PhoneForm(forms.ModelForm):
    """With `organization` and `phone_number`, which may be written as in the organization's country.

    What must be unique is the service's matter: it says so by field, and holds against two people at once.
    """

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        organization, written = cleaned.get("organization"), cleaned.get("phone_number")
        if organization is not None and written:
            try:
                cleaned["phone_number"] = normalise(written, organization.default_region)
            except InvalidNumber as error:
                self.add_error("phone_number", str(error))
        return cleaned

    def _get_validation_exclusions(self) -> set[str]:
        return {*super()._get_validation_exclusions(), "organization"}  # type: ignore[misc]
