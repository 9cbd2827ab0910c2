"""What sessions hold of one person: the keys of the encrypted chats with them, which are named by number or LID.

A session that is open may have some in memory; it writes them again only if the person writes again. Keys of groups
stay: they are the group's. Backups of sessions are whole and encrypted; they go as newer ones follow.
"""

from django.db import connection

from contacts.person import Erased, Part, Person
from senders.models import Sender

SHORTEST = 5  # digits; anything shorter is no person's
# Those that are named by a person, as Baileys calls them: 62812….0, 1234_1.0, 62812…, 1234_reverse, 62812…@s.whatsapp.net
OF_PEOPLE = ("session", "sender-key", "lid-mapping", "device-list", "device-index", "tctoken", "identity-key")


def erase(person: Person) -> Erased:
    digits = [each for each in person.digits if len(each) >= SHORTEST]
    if not digits:
        return Erased()
    with connection.cursor() as cursor:
        cursor.execute(
            "DELETE FROM session_service_authkey WHERE sender_id = ANY(%s) AND type = ANY(%s) AND key_id ~ %s",
            [_senders(person), list(OF_PEOPLE), f"(^|[^0-9])({'|'.join(digits)})([^0-9]|$)"],
        )
        return Erased(rows=cursor.rowcount)


def _senders(person: Person) -> list[int]:
    return list(Sender.objects.for_organization(person.organization_id).values_list("pk", flat=True))


PART = Part(name="session_keys", erase=erase)
