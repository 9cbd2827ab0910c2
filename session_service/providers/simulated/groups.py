"""Groups on the simulated network."""

import json
import secrets
from collections.abc import Sequence

from session_service.providers.base import GroupInfo, GroupMember, NotPossible
from session_service.providers.simulated.connection import Connection
from session_service.providers.simulated.numbers import info_about, lid_of


class Groups:
    """The network's groups as one provider sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of(self, number: str) -> list[GroupInfo]:
        found = [_parsed(line) for line in await self._connection.groups()]
        return [group for group in found if any(member.phone_number == number for member in group.members)]

    async def find(self, whatsapp_id: str, member: str) -> GroupInfo:
        """Raises `NotPossible` unless `member` is in the group."""
        for group in await self.of(member):
            if group.whatsapp_id == whatsapp_id:
                return group
        raise NotPossible("The sender is not in this group.")

    async def create(self, creator: str, subject: str, numbers: Sequence[str]) -> GroupInfo:
        """Numbers that are not on WhatsApp stay out."""
        members = [number for number in dict.fromkeys(numbers) if info_about(number).exists and number != creator]
        whatsapp_id = f"1203630{secrets.randbelow(10**11):011d}@g.us"
        group = {
            "whatsapp_id": whatsapp_id,
            "subject": subject,
            "members": [{"phone_number": number, "lid": lid_of(number)} for number in members],
            "creator": {"phone_number": creator, "lid": lid_of(creator), "is_admin": True},
        }
        line = json.dumps(group, ensure_ascii=False)
        await self._connection.keep_group(whatsapp_id, line)
        return _parsed(line)


def _parsed(line: str) -> GroupInfo:
    group = json.loads(line)
    members = [group["creator"], *group["members"]]
    return GroupInfo(group["whatsapp_id"], group["subject"], tuple(GroupMember(**member) for member in members))
