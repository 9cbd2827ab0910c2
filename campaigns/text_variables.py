"""The variables that a campaign's text may use, with an example each, from whatever people it names by now."""

import json
from typing import Any

from campaigns.models import Campaign
from contacts import columns as column_rules
from contacts import opt_out_texts
from contacts import queries as contact_queries
from contacts.models import Contact, ImportedRow, ListImport
from messaging import template_text

Variables = dict[str, dict[str, str]]


def variables_of(campaign: Campaign) -> dict[str, Any]:
    """What the editor needs: `variables` with a label and an example each, `example` (JSON) and whether it `is_known`."""
    variables = {**_of_segment(campaign), **_of_list(campaign), **_of_sheet(campaign.list_import)}
    is_known = any(about["example"] for about in variables.values())
    if not variables:
        variables = {key: {"label": key, "example": ""} for key in ("name", "phone")}
    text = opt_out_texts.unsubscribe_text(contact_queries.settings_of(campaign.organization))
    variables[template_text.UNSUBSCRIBE] = {"label": template_text.UNSUBSCRIBE, "example": text}
    example = {key: about["example"] for key, about in variables.items()}
    return {"variables": variables, "is_known": is_known, "example": json.dumps(example, ensure_ascii=False)}


def _of_sheet(sheet: ListImport | None) -> Variables:
    if sheet is None:
        return {}
    columns = column_rules.from_json(sheet.columns)
    first = (
        ImportedRow.objects.filter(list_import=sheet, problem="")
        .exclude(phone_number="")
        .order_by("row_number")
        .first()
    )
    values = {**first.values, "phone": first.phone_number} if first else {}
    headers = {column.key: column.header for column in columns if column.header}
    return {
        key: {"label": headers.get(key, ""), "example": str(values.get(key, ""))}
        for key in column_rules.variables_of(columns)
    }


def _of_list(campaign: Campaign) -> Variables:
    if campaign.contact_list is None:
        return {}
    known = contact_queries.variables_of_list(campaign.contact_list)
    return _with_examples(known, Contact.objects.filter(lists=campaign.contact_list).first())


def _of_segment(campaign: Campaign) -> Variables:
    """Every attribute there is: who fits is only known when the audience is fixed."""
    if campaign.segment is None:
        return {}
    newest = Contact.objects.for_organization(campaign.organization).exclude(phone_number="").first()
    return _with_examples(contact_queries.variables_of_contacts(campaign.organization), newest)


def _with_examples(keys: list[str], person: Contact | None) -> Variables:
    values = {**person.attributes, "name": person.name, "phone": person.phone_number} if person else {}
    return {key: {"label": key, "example": str(values.get(key, ""))} for key in keys}
