"""Under which of its forms WhatsApp knows a number that can be registered in two ways (`contacts.phone_variants`).

A message to the other form is acknowledged and reaches nobody, so what was once seen is remembered, with the check of
the number.
"""

from collections.abc import Mapping

from django.db import connection


def remember(*, organization_id: int, forms: Mapping[str, str]) -> None:
    """`forms` has the form on the wire by canonical number. Who is seen so is on WhatsApp. No check is spent by it."""
    if not forms:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO senders_numbercheck (organization_id, phone_number, wire_number, "exists", lid, checked_at)
            SELECT %s, phone_number, wire_number, TRUE, '', now()
            FROM unnest(%s::text[], %s::text[]) AS seen (phone_number, wire_number) ORDER BY phone_number
            ON CONFLICT (organization_id, phone_number) DO UPDATE
                SET wire_number = excluded.wire_number, "exists" = TRUE
                WHERE senders_numbercheck.wire_number <> excluded.wire_number
                    OR senders_numbercheck."exists" IS NOT TRUE
            """,
            [organization_id, list(forms), list(forms.values())],
        )
