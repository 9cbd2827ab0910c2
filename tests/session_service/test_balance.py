"""How senders are divided among workers: each rule alone, and many workers that come and go."""

import random
import time
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils.timezone import now

from senders.models import Sender
from session_service import balance, leases
from session_service.balance import LONG_FREE, Balance, Load, Rate
from session_service.models import SessionLease, SessionWorker
from tests.factories import make_organization, make_sender


def seen(*loads: Load, free: int = 0, long_free: int = 0) -> Balance:
    """Workers 1, 2 and so on; what they hold and what is free are all senders that there are."""
    return Balance(dict(enumerate(loads, 1)), sum(load.held for load in loads) + free, free, long_free)


def test_shares_are_even_by_capacity_and_rounded_up() -> None:
    two = seen(Load(10, 5), Load(30, 0), free=2)
    assert (two.share_of(1), two.share_of(2)) == (2, 6)


def test_more_senders_than_room_fill_everybody() -> None:
    full = seen(Load(3, 3), Load(2, 2), free=9)
    assert (full.share_of(1), full.share_of(2)) == (3, 2)
    assert (full.may_take(1, 3), full.may_take(2, 2)) == (0, 0)


def test_nobody_takes_more_than_a_share_unless_it_waits_for_long() -> None:
    fresh = seen(Load(100, 10), Load(100, 0), free=10)
    assert (fresh.may_take(1, 10), fresh.may_take(2, 0)) == (0, 10)
    waiting = seen(Load(100, 10), Load(100, 0), free=10, long_free=4)
    assert waiting.may_take(1, 10) == 4
    assert seen(Load(12, 10), Load(100, 0), free=10, long_free=4).may_take(1, 10) == 2


def test_a_draining_worker_takes_none_and_has_no_share() -> None:
    view = seen(Load(10, 6, draining=True), Load(10, 1), free=2)
    assert (view.share_of(1), view.may_take(1, 6)) == (0, 0)
    assert view.share_of(2) == 9
    assert view.may_give(1) == 6
    assert view.room_elsewhere(1) == 7  # two of its nine free places are for what is free already


def test_alone_nothing_has_a_place_elsewhere() -> None:
    alone = seen(Load(10, 6, draining=True))
    assert alone.may_give(1) == 0


def test_nothing_moves_to_a_worker_that_has_just_joined() -> None:
    assert seen(Load(10, 6), Load(10, 0, age=1)).may_give(1) == 0
    assert seen(Load(10, 6), Load(10, 0, age=60)).may_give(1) == 3


def test_an_unknown_worker_has_no_share() -> None:
    assert seen(Load(10, 0), free=3).may_take(7, 0) == 0


def test_within_the_tolerance_nothing_moves_and_what_moves_ends_at_the_share() -> None:
    slightly = seen(Load(100, 27), Load(100, 23))
    assert not slightly.is_uneven(1, moving=False)
    assert slightly.is_uneven(1, moving=True)
    assert seen(Load(100, 30), Load(100, 20)).is_uneven(1, moving=False)


def test_a_rate_allows_a_seconds_worth_and_then_so_many_a_second() -> None:
    rate = Rate(20)
    assert rate.take(50) == 20
    assert rate.take(50) == 0
    time.sleep(0.26)
    assert 5 <= rate.take(50) <= 7
    rate.give_back(4)
    assert rate.take(3) == 3
    assert Rate(0).take(5) == 0
    assert Rate(0.5).take(5) == 1


@pytest.mark.django_db
def test_what_is_looked_at() -> None:
    organization = make_organization()
    held, freed, _fresh, unwanted = (make_sender(organization) for _ in range(4))
    Sender.objects.filter(pk=unwanted.pk).update(wanted=False)
    worker = leases.register(name="one", capacity=5)
    leases.register(name="stopped", capacity=5)
    SessionWorker.objects.filter(name="stopped").update(stopped_at=now())
    leases.register(name="lost", capacity=5)
    SessionWorker.objects.filter(name="lost").update(heartbeat_at=now() - timedelta(minutes=1))
    leases.take(worker_id=worker.pk, limit=2)
    leases.release(worker_id=worker.pk, sender_id=freed.pk, epoch=1)
    view = balance.look()
    assert {number: (load.capacity, load.held) for number, load in view.loads.items()} == {worker.pk: (5, 1)}
    assert (view.wanted, view.free, view.long_free) == (3, 2, 0)
    SessionLease.objects.filter(sender=freed).update(expires_at=F("expires_at") - timedelta(seconds=LONG_FREE + 1))
    Sender.objects.update(status_at=now() - timedelta(minutes=1))
    assert balance.look().long_free == 1
    assert SessionLease.objects.get(sender=held).worker_id == worker.pk


# -- Many workers --


class Fleet:
    """Workers that take and hand over by the rules, a round a second, without anything else."""

    def __init__(self, senders: int) -> None:
        self.senders = senders
        self.held: dict[int, int] = {}
        self.capacity: dict[int, int] = {}
        self.moving: dict[int, bool] = {}
        self.draining: set[int] = set()
        self.moves = 0

    def look(self) -> Balance:
        loads = {n: Load(self.capacity[n], self.held[n], n in self.draining) for n in self.held}
        return Balance(loads, self.senders, self.senders - sum(self.held.values()), 0)

    def round(self) -> None:
        for number in self.held:
            view = self.look()
            self.held[number] += min(view.free, 20, view.may_take(number, self.held[number]))
            self.moving[number] = view.is_uneven(number, moving=self.moving.get(number, False))
            most = 20 if number in self.draining else 2 * self.moving[number]
            given = min(most, view.may_give(number))
            self.held[number] -= given
            self.moves += given

    def settle(self, rounds: int = 400) -> None:
        for _ in range(rounds):
            self.round()


@pytest.mark.parametrize("seed", range(20))
def test_workers_that_come_and_go_end_even_and_then_nothing_moves(seed: int) -> None:
    randomness = random.Random(seed)
    fleet = Fleet(randomness.randrange(1, 300))
    for number in range(1, 9):
        fleet.capacity[number], fleet.held[number] = randomness.randrange(20, 200), 0
        fleet.settle(randomness.randrange(1, 30))
        if len(fleet.held) > 2 and randomness.random() < 0.5:
            gone = randomness.choice(list(fleet.held))
            fleet.draining.add(gone) if randomness.random() < 0.5 else fleet.held.pop(gone)
    fleet.settle()
    view = fleet.look()
    room = sum(fleet.capacity[number] for number in fleet.held if number not in fleet.draining)
    assert sum(fleet.held.values()) == min(fleet.senders, max(room, sum(fleet.held.values())))
    for number, held in fleet.held.items():
        if number not in fleet.draining:
            assert not view.is_uneven(number, moving=False), held
    moved = fleet.moves
    fleet.settle(100)
    assert fleet.moves == moved, "something still moves although nobody came or went"


def test_one_that_joins_gets_its_share_without_a_detour() -> None:
    fleet = Fleet(100)
    fleet.capacity = {1: 100, 2: 100}
    fleet.held = {1: 100}
    fleet.settle(5)
    fleet.held[2] = 0
    fleet.settle()
    assert fleet.held == {1: 50, 2: 50}
    assert fleet.moves == 50
