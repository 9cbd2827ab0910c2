"""Reads that pages and the API share."""

from dataclasses import dataclass
from datetime import datetime

from broadcasts import members
from broadcasts.models import Broadcast, BroadcastList
from messaging import waves
from messaging.waves import GroupState


@dataclass(frozen=True)
class ListGroup:
    """A group of a list: who is in it now, and how the newest broadcast stands in the group of that index."""

    index: int
    members: int
    status: str
    sent: GroupState | None = None

    @property
    def number(self) -> int:
        return self.index + 1

    @property
    def gone_at(self) -> datetime | None:
        return self.sent.gone_at if self.sent is not None else None


def newest_broadcast(broadcast_list: BroadcastList) -> Broadcast | None:
    return broadcast_list.broadcasts.select_related("batch").first()


def groups_of(broadcast_list: BroadcastList) -> list[ListGroup]:
    newest = newest_broadcast(broadcast_list)
    states = {state.index: state for state in waves.states_of(newest.batch)} if newest is not None else {}
    return [
        ListGroup(index, size, states[index].status if index in states else "ready", states.get(index))
        for index, size in enumerate(members.group_sizes(broadcast_list.members.count()))
    ]
