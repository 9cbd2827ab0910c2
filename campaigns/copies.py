"""The same campaign once more, also where its people came from an uploaded sheet."""

from django.db import connection, transaction
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.services import Actor
from campaigns import services
from campaigns.history import note
from campaigns.models import Approval, Campaign
from campaigns.occurrences import copy_campaign
from contacts import columns as column_rules
from contacts.models import ImportedRow, ListImport
from messaging.services import NotAllowed

_ROWS_OF_SHEET = """
INSERT INTO contacts_importedrow (list_import_id, row_number, phone_number, phone_as_written, values, problem)
SELECT %(new)s, row_number, phone_number, phone_as_written, values, '' FROM contacts_importedrow
WHERE list_import_id = %(former)s AND problem = ''
"""
# Erased people have no number left. Whoever was skipped is judged anew.
_ROWS_OF_AUDIENCE = """
INSERT INTO contacts_importedrow (list_import_id, row_number, phone_number, phone_as_written, values, problem)
SELECT %(new)s, 1 + row_number() OVER (ORDER BY id), phone_number, '', variables, '' FROM messaging_message
WHERE batch_id = %(batch)s AND phone_number <> ''
"""


def duplicate_campaign(*, campaign: Campaign, draft: bool = False, by: Actor = None) -> Campaign:
    """A new campaign with the text, senders, pace and people of this one, which nobody has started yet; with `draft`
    it is left to be written on. A list or segment is read anew. Prepare it afterwards.

    Of an uploaded sheet the rows are copied while they are kept, which is until the campaign begins; afterwards the
    people are all those of its audience, with their values of then. Raises `NotAllowed` where neither is there.
    """
    with transaction.atomic():
        present = services.locked(campaign.pk)
        name = _("Copy of %(name)s") % {"name": present}
        made = copy_campaign(campaign=present, name=name, by=by if isinstance(by, User) else None, start=False)
        made.is_draft, made.approval = draft or present.is_draft, Approval.NONE
        if present.list_import is not None:
            _copy_sheet(present, present.list_import, made)
        made.save(update_fields=["is_draft", "approval", "list_import", "contact_list", "segment"])
        note(made, by, "created", remark=_("From “%(name)s”.") % {"name": present})
    return made


def _copy_sheet(campaign: Campaign, former: ListImport, made: Campaign) -> None:
    sheet = ListImport.objects.create(
        organization_id=campaign.organization_id,
        file_name=former.file_name,
        columns=former.columns,
        status=ListImport.Status.READY,
        created_by=made.created_by,
        read_at=now(),
    )
    rows = _copied(_ROWS_OF_SHEET, new=sheet.pk, former=former.pk)
    if rows:
        figures = (
            "rows",
            "rows_read",
            "blank_rows",
            "invalid",
            "merged",
            "created",
            "updated",
            "unchanged",
            "blocked",
        )
        for figure in figures:
            setattr(sheet, figure, getattr(former, figure))
        _copy_rejected(former, sheet)
    else:
        rows = _copied(_ROWS_OF_AUDIENCE, new=sheet.pk, batch=campaign.batch_id)
        if not rows:
            raise NotAllowed(_("Its sheet is no longer there: make a new campaign, and upload the sheet again."))
        # The audience holds the people of its list and segment too.
        made.contact_list = made.segment = None
        sheet.rows = sheet.rows_read = sheet.created = rows
        sheet.columns = [column.as_json() for column in with_other_values(former, sheet)]
    sheet.save()
    made.list_import = sheet


def _copied(statement: str, **parameters: int) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.rowcount


def _copy_rejected(former: ListImport, sheet: ListImport) -> None:
    rejected = ImportedRow.objects.filter(list_import=former).exclude(problem="")
    copies = []
    for row in rejected.iterator():
        row.pk, row.list_import = None, sheet
        copies.append(row)
    ImportedRow.objects.bulk_create(copies, batch_size=1000)


def with_other_values(former: ListImport, sheet: ListImport) -> list[column_rules.Column]:
    """The sheet's columns, and those that its people had from a list."""
    columns = column_rules.from_json(former.columns)
    known = set(column_rules.variables_of(columns))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT jsonb_object_keys(values) FROM contacts_importedrow WHERE list_import_id = %s", [sheet.pk]
        )
        others = sorted({key for (key,) in cursor.fetchall()} - known)
    return [*columns, *(column_rules.Column(key=key, header=key, role=column_rules.PLAIN) for key in others)]
