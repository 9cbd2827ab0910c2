"""A campaign to those whom another one did not move: who did not read it, did not reply, or did not get it."""

from django.db import connection, transaction
from django.utils.functional import Promise
from django.utils.timezone import now
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from accounts.services import Actor
from campaigns import copies
from campaigns.history import note
from campaigns.models import Approval, Campaign
from campaigns.occurrences import copy_campaign
from contacts.models import ListImport
from messaging.models import MessageStatus
from messaging.services import NotAllowed
from messaging.variants import plans
from messaging.variants.plans import VariantPlan

_LEFT = f"status BETWEEN {MessageStatus.SENT.value} AND {MessageStatus.READ.value}"
_CONDITIONS = {
    "not_read": f"status IN ({MessageStatus.SENT.value}, {MessageStatus.DELIVERED.value})",
    "not_replied": f"{_LEFT} AND NOT EXISTS (SELECT FROM messaging_batchreply AS reply WHERE reply.message_id = message.id)",
    "failed": f"status = {MessageStatus.FAILED.value}",
}
WHO: dict[str, Promise] = {
    "not_read": gettext_lazy("Who did not read “%(name)s”"),
    "not_replied": gettext_lazy("Who did not reply to “%(name)s”"),
    "failed": gettext_lazy("Who did not get “%(name)s”"),
}
# Erased people have no number left. Everybody is judged anew when the audience is fixed.
_ROWS = """
INSERT INTO contacts_importedrow (list_import_id, row_number, phone_number, phone_as_written, values, problem)
SELECT %(new)s, 1 + row_number() OVER (ORDER BY id), phone_number, '', variables, '' FROM messaging_message AS message
WHERE batch_id = %(batch)s AND phone_number <> '' AND {condition}
"""


def follow_up(*, campaign: Campaign, who: str, by: Actor = None) -> Campaign:
    """A draft with the text, senders and pace of `campaign`, to those of its people whom `who` names, with the values that
    they had. Who they are is decided now; blocklist, consent and the rest when the draft is finished and sent.

    Raises `NotAllowed` where there is nobody.
    """
    if campaign.batch.started_at is None:
        raise NotAllowed(_("This campaign has not sent anything yet."))
    with transaction.atomic():
        name = str(WHO[who]) % {"name": campaign}
        made = copy_campaign(campaign=campaign, name=name, by=by if isinstance(by, User) else None, start=False)
        made.list_import = _sheet(campaign, who, name, made)
        made.contact_list = made.segment = None
        made.is_draft, made.approval = True, Approval.NONE
        made.save(update_fields=["is_draft", "approval", "list_import", "contact_list", "segment"])
        plans.set_plan(batch=made.batch, plan=VariantPlan())  # a comparison of its own would have to be planned
        note(made, by, "created", remark=_("From “%(name)s”.") % {"name": campaign})
    return made


def _sheet(campaign: Campaign, who: str, name: str, made: Campaign) -> ListImport:
    sheet = ListImport.objects.create(
        organization_id=campaign.organization_id,
        file_name=name[:200],
        status=ListImport.Status.READY,
        created_by=made.created_by,
        read_at=now(),
    )
    with connection.cursor() as cursor:
        cursor.execute(_ROWS.format(condition=_CONDITIONS[who]), {"new": sheet.pk, "batch": campaign.batch_id})
        people = cursor.rowcount
    if not people:
        raise NotAllowed(_("There is nobody to send to again."))
    former = campaign.list_import or ListImport(columns=[])
    sheet.columns = [column.as_json() for column in copies.with_other_values(former, sheet)]
    sheet.rows = sheet.rows_read = sheet.created = people
    sheet.save()
    return sheet
