from collections import Counter
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.utils.timezone import now

from accounts import live
from accounts.models import AuditEntry
from senders import health, linking, queries, quota, services
from senders.models import Sender, SenderStatus
from tests.factories import make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def told(monkeypatch) -> list[tuple[str, dict]]:
    """What open pages were told."""
    told: list[tuple[str, dict]] = []
    monkeypatch.setattr(live, "publish", lambda topic, event: told.append((topic, event)))
    return told


def test_a_new_sender_has_the_usual_quotas_and_no_session(organization, owner):
    sender = services.create_sender(organization=organization, name=" Sales ", by=owner)
    sender.refresh_from_db()
    assert (sender.name, sender.status, sender.wanted) == ("Sales", "disconnected", False)
    assert (sender.quota_per_minute, sender.quota_per_hour, sender.quota_per_day) == (20, 400, 1000)
    entry = AuditEntry.objects.get(action="sender.created")
    assert (entry.user, entry.target, entry.organization) == (owner, "Sales", organization)


def test_quotas_can_be_left_out_or_be_no_limit(organization):
    sender = services.create_sender(organization=organization, name="Sales", quota_per_minute=5, quota_per_day=None)
    sender.refresh_from_db()
    assert (sender.quota_per_minute, sender.quota_per_hour, sender.quota_per_day) == (5, 400, None)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "Sales"}, "name"),
        ({"name": "Support", "phone_number": "+628110000001"}, "phone_number"),
        ({"name": "Support", "provider": "pigeon"}, "provider"),
        ({"name": "Support", "quota_per_hour": 0}, "quota_per_hour"),
    ],
)
def test_what_cannot_be_created_names_its_field(organization, other_organization, fields, wrong):
    make_sender(organization, name="Sales")
    make_sender(other_organization, phone_number="+628110000001")
    with pytest.raises(ValidationError) as caught:
        services.create_sender(organization=organization, **fields)
    assert list(caught.value.message_dict) == [wrong]
    assert Sender.objects.count() == 2


def test_two_organizations_may_use_one_name(organization, other_organization):
    services.create_sender(organization=organization, name="Sales")
    services.create_sender(organization=other_organization, name="Sales")
    assert Sender.objects.filter(name="Sales").count() == 2


def test_changing_writes_down_what_changed(organization, owner, sender):
    services.change_sender(sender=sender, by=owner, name="Support", quota_per_day=None, quota_per_hour=50)
    sender.refresh_from_db()
    assert (sender.name, sender.quota_per_hour, sender.quota_per_day) == ("Support", 50, None)
    changes = AuditEntry.objects.get(action="sender.changed").detail["changes"]
    assert changes == {"name": {"from": "Sales", "to": "Support"}, "quota_per_hour": {"from": None, "to": 50}}


def test_changing_cannot_touch_what_the_session_service_owns(sender):
    with pytest.raises(TypeError, match="status"):
        services.change_sender(sender=sender, status="connected")


def test_a_taken_name_is_refused_and_nothing_is_saved(organization, sender):
    make_sender(organization, name="Support")
    with pytest.raises(ValidationError) as caught:
        services.change_sender(sender=sender, name="Support", quota_per_hour=7)
    assert "name" in caught.value.message_dict
    sender.refresh_from_db()
    assert (sender.name, sender.quota_per_hour) == ("Sales", None)


@pytest.mark.parametrize("status", services.ENDED_STATUSES)
def test_connecting_starts_anew(sender, owner, told, status, django_capture_on_commit_callbacks):
    Sender.objects.filter(pk=sender.pk).update(status=status, status_detail="Gone")
    with django_capture_on_commit_callbacks(execute=True):
        services.request_connect(sender=sender, by=owner)
    sender.refresh_from_db()
    assert (sender.wanted, sender.status, sender.status_detail) == (True, "connecting", "")
    assert told == [(f"sender.{sender.pk}", {"type": "state", "status": "connecting", "detail": ""})]


def test_connecting_again_keeps_the_session_that_is_about_to_end(sender, owner):
    Sender.objects.filter(pk=sender.pk).update(status=SenderStatus.CONNECTED, wanted=False)
    services.request_connect(sender=sender, by=owner)
    sender.refresh_from_db()
    assert (sender.wanted, sender.status) == (True, "connected")


def test_connecting_twice_changes_nothing(sender, told):
    Sender.objects.filter(pk=sender.pk).update(status=SenderStatus.BANNED, wanted=True)
    services.request_connect(sender=sender)
    sender.refresh_from_db()
    assert (sender.status, told) == ("banned", [])
    assert not AuditEntry.objects.filter(action="sender.connect").exists()


def test_disconnecting_is_a_wish_that_the_session_service_carries_out(organization, owner):
    sender = make_sender(organization)
    services.request_disconnect(sender=sender, by=owner)
    sender.refresh_from_db()
    assert (sender.wanted, sender.status) == (False, "connected")
    assert AuditEntry.objects.filter(action="sender.disconnect", user=owner).count() == 1


def test_pausing_keeps_the_session_and_the_first_reason(organization, owner, teammate):
    sender = make_sender(organization)
    services.pause_sender(sender=sender, by=owner)
    services.pause_sender(sender=sender, by=teammate)
    sender.refresh_from_db()
    assert sender.paused_at is not None
    assert sender.paused_reason == "Olivia Owner paused it."
    assert (sender.wanted, sender.status) == (True, "connected")
    assert AuditEntry.objects.filter(action="sender.paused").count() == 1


def test_letting_a_sender_send_again_forgets_its_failures(
    organization, owner, told, django_capture_on_commit_callbacks
):
    sender = make_sender(organization)
    assert health.note_failures(Counter({sender.pk: 10})) == [sender.pk]
    sender.refresh_from_db()
    assert sender.paused_at is not None
    assert health.of(sender) == 0
    with django_capture_on_commit_callbacks(execute=True):
        services.resume_sender(sender=sender, by=owner)
    resumed = Sender.objects.get(pk=sender.pk)
    assert (resumed.paused_at, resumed.paused_reason, resumed.resting_until) == (None, "", None)
    assert (resumed.consecutive_failures, health.of(resumed)) == (0, health.LOWEST_HEALTH)
    assert [topic for topic, _ in told] == [f"sender.{sender.pk}"]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT id FROM senders_sender AS sender WHERE {health.SENDABLE_SQL}")
        assert cursor.fetchall() == [(sender.pk,)]


def test_health_recovers_by_the_minute_in_python_as_in_sql(organization):
    moments = [now() - timedelta(seconds=seconds) for seconds in (30, 90, 3600)]
    senders = [make_sender(organization, health=20, health_at=moment) for moment in moments]
    assert [health.of(sender) for sender in senders] == [20, 21, 80]
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {health.HEALTH_SQL} FROM senders_sender AS sender ORDER BY id")
        assert [row[0] for row in cursor.fetchall()] == [20, 21, 80]


@pytest.mark.parametrize(("wanted", "status"), [(True, "connected"), (True, "banned"), (False, "connected")])
def test_a_sender_with_a_session_is_not_deleted(organization, wanted, status):
    sender = make_sender(organization, wanted=wanted, status=status)
    with pytest.raises(services.NotAllowed, match=r"Disconnect .* first"):
        services.delete_sender(sender=sender)
    assert Sender.objects.filter(pk=sender.pk).exists()


def test_deleting_decides_on_the_present_state_not_on_the_page(organization, sender):
    services.request_connect(sender=Sender.objects.get(pk=sender.pk))
    assert not sender.wanted, "the page still shows it as disconnected"
    with pytest.raises(services.NotAllowed):
        services.delete_sender(sender=sender)


def test_deleting_forgets_the_code(sender, owner, django_capture_on_commit_callbacks):
    linking.show_qr(sender.pk, "2@code", 20)
    with django_capture_on_commit_callbacks(execute=True):
        services.delete_sender(sender=sender, by=owner)
    assert not Sender.objects.exists()
    assert AuditEntry.objects.get(action="sender.deleted").target == "Sales"
    assert linking.shown_qr(sender.pk) is None


def test_use_of_quotas(organization, other_organization, django_assert_num_queries):
    first = make_sender(organization, quota_per_minute=3, quota_per_day=10)
    second = make_sender(organization)
    quota.spend({first.pk: 3})
    with django_assert_num_queries(1):
        use = queries.quota_use_of([first, second])
    assert [(u.period, u.used, u.limit, u.is_spent) for u in use[first.pk]] == [
        ("minute", 3, 3, True),
        ("hour", 3, None, False),
        ("day", 3, 10, False),
    ]
    assert [u.used for u in use[second.pk]] == [0, 0, 0]


def test_a_young_sender_shows_the_ceiling_of_its_warm_up(organization):
    sender = make_sender(organization, quota_per_day=1000, warm_up_per_day=10, linked_at=now())
    assert queries.quota_use_of([sender])[sender.pk][-1].limit == 10


def test_a_pairing_number_is_for_what_is_not_linked(organization, sender):
    other = make_sender(organization, phone_number="+628110000001")
    with pytest.raises(ValidationError) as refused:
        services.request_connect(sender=sender, pairing_number=other.phone_number)
    assert list(refused.value.message_dict) == ["pairing_number"]
    asked = services.request_connect(sender=sender, pairing_number="+628110000009")
    assert (asked.wanted, asked.status, asked.pairing_number) == (True, "connecting", "+628110000009")
    assert AuditEntry.objects.get(action="sender.connect").detail == {"by_pairing_code": True}
    Sender.objects.filter(pk=sender.pk).update(status=SenderStatus.CONNECTED, is_linked=True, pairing_number="")
    with pytest.raises(services.NotAllowed, match="linked already"):
        services.request_connect(sender=sender, pairing_number="+628110000009")
    assert services.request_connect(sender=sender).status == SenderStatus.CONNECTED


def test_logging_out_is_asked_once_and_taken_back_by_disconnecting(sender):
    with pytest.raises(services.NotAllowed, match="not linked"):
        services.request_logout(sender=sender)
    Sender.objects.filter(pk=sender.pk).update(is_linked=True)
    asked = services.request_logout(sender=sender)
    services.request_logout(sender=sender)
    assert (asked.wanted, asked.logging_out, asked.status) == (True, True, "connecting")
    assert AuditEntry.objects.filter(action="sender.logout").count() == 1
    taken_back = services.request_disconnect(sender=sender)
    assert (taken_back.wanted, taken_back.logging_out) == (False, False)


def test_the_code_runs_out_by_itself(sender, redis_client):
    linking.show_qr(sender.pk, "2@code", 20)
    code = linking.shown_qr(sender.pk)
    assert code.text == "2@code"
    assert code.svg.startswith("<svg")
    assert code.png.startswith(b"\x89PNG")
    [key] = redis_client.keys("*senders:linking*")
    assert 15 < redis_client.ttl(key) <= 25
    linking.forget(sender.pk)
    assert linking.shown_qr(sender.pk) is None


def test_a_lost_redis_does_not_cost_the_change(sender, settings, django_capture_on_commit_callbacks):
    settings.CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            "CONFIG": {"hosts": ["unix:///nowhere/redis.sock"]},
        }
    }
    with django_capture_on_commit_callbacks(execute=True):
        services.request_connect(sender=sender)
    sender.refresh_from_db()
    assert sender.wanted
    assert connection.is_usable()
