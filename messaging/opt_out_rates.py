"""For which batch somebody opted out: that of the latest message that reached them before.

Written with the opt-out itself, and counted from these rows, which stand for people: one a message.
"""

from collections.abc import Iterable, Sequence

from django.db import connection, transaction
from django.db.models import Count

from accounts.models import Organization
from contacts.models import OptOutEvent
from contacts.models.settings import OPT_OUT_RATE_DAYS
from messaging import sql
from messaging.models import BatchOptOut

# Both times are ours: WhatsApp's clock may be a little behind.
_ATTRIBUTED_SQL = """
SELECT event.id AS event_id, latest.batch_id, latest.id AS message_id
FROM contacts_optoutevent AS event
LEFT JOIN contacts_contactsettings AS settings ON settings.organization_id = event.organization_id
CROSS JOIN LATERAL (
    SELECT message.id, message.batch_id FROM messaging_message AS message
    WHERE message.organization_id = event.organization_id AND message.phone_number = event.phone_number
        AND message.phone_number <> '' AND message.batch_id IS NOT NULL AND message.sent_at <= event.created_at
        AND message.sent_at > event.created_at
            - COALESCE(settings.opt_out_rate_days, %(days)s) * interval '1 day'
    ORDER BY message.sent_at DESC, message.id DESC LIMIT 1
) AS latest
WHERE event.kind = 'opted_out' AND {which}
ORDER BY event.id
"""
_INSERT_SQL = f"""
INSERT INTO messaging_batchoptout (event_id, batch_id, message_id)
SELECT event_id, batch_id, message_id FROM ({_ATTRIBUTED_SQL}) AS found
ON CONFLICT DO NOTHING
"""


def attribute(events: Sequence[OptOutEvent]) -> None:
    """Follows `contacts.opt_outs`. Somebody who left, returned and left again after one message counts once."""
    ids = [event.pk for event in events if event.kind == OptOutEvent.Kind.OPTED_OUT]
    if ids:
        with connection.cursor() as cursor:
            cursor.execute(
                _INSERT_SQL.format(which="event.id = ANY(%(ids)s::bigint[])"),
                {"ids": sql.numbers(ids), "days": OPT_OUT_RATE_DAYS},
            )


def of_batches(batch_ids: Iterable[int]) -> dict[int, int]:
    """How many people opted out after a message of each of these batches."""
    found = dict.fromkeys(batch_ids, 0)
    rows = BatchOptOut.objects.filter(batch_id__in=found).values_list("batch_id").annotate(number=Count("pk"))
    return found | dict(rows.order_by())


def rate(opted_out: int, reached: int) -> float:
    """Percent of those whom a message reached, rounded to a tenth."""
    return round(opted_out * 100 / reached, 1) if reached else 0.0


def rebuild(organization: Organization) -> None:
    """Attributes all opt-outs of an organization afresh, such as after a change of the days."""
    with transaction.atomic(), connection.cursor() as cursor:
        BatchOptOut.objects.filter(event__organization=organization).delete()
        cursor.execute(
            _INSERT_SQL.format(which="event.organization_id = %(organization)s"),
            {"organization": organization.pk, "days": OPT_OUT_RATE_DAYS},
        )
