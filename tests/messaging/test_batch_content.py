"""What a batch says to each person: its file, its choices, the template it was made from."""

from datetime import timedelta
from io import BytesIO

import pytest
from django.utils.timezone import now

from accounts.models import Organization
from messaging import media, planner, rendering, services
from messaging.kinds import Kind
from messaging.models import Batch, Media, Message, MessageStatus
from tests.factories import make_batch, make_organization, make_sender
from tests.messaging.files import PNG

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def storage(settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture
def picture(organization: Organization) -> Media:
    return media.store(organization_id=organization.pk, file=BytesIO(PNG), mime_type="image/png", file_name="menu.png")


def of(batch: Batch) -> list[Message]:
    return list(Message.objects.filter(batch=batch).order_by("phone_number"))


def test_everybody_gets_the_file_with_their_own_caption(organization: Organization, picture: Media) -> None:
    batch = make_batch(organization, [make_sender(organization)], 3, kind=Kind.IMAGE, media=picture)
    planner.plan_all()
    assert [(message.kind, message.media_id, message.text) for message in of(batch)] == [
        ("image", picture.pk, f"Hi Person {index}") for index in range(3)
    ]


def test_a_file_needs_no_caption(organization: Organization, picture: Media) -> None:
    batch = make_batch(organization, [make_sender(organization)], 1, kind=Kind.IMAGE, media=picture, text="")
    planner.plan_all()
    assert [(message.status, message.text) for message in of(batch)] == [(MessageStatus.QUEUED, "")]


def test_what_is_planned_again_gets_the_file_of_then(organization: Organization, picture: Media) -> None:
    batch = make_batch(organization, [make_sender(organization)], 2, kind=Kind.IMAGE, media=picture)
    planner.plan_all()
    services.pause_batch(batch=batch)
    assert {(message.kind, message.media_id, message.text) for message in of(batch)} == {("text", None, "")}
    Batch.objects.filter(pk=batch.pk).update(kind=Kind.TEXT, media=None, text="Sold out")
    batch.refresh_from_db()
    services.resume_batch(batch=batch)
    planner.plan_all()
    assert {(message.kind, message.media_id, message.text) for message in of(batch)} == {("text", None, "Sold out")}


def test_a_single_message_keeps_its_own_file(organization: Organization, picture: Media) -> None:
    make_sender(organization)
    message = services.send_message(
        organization=organization, to="+628123456789", text="Look", kind=Kind.IMAGE, media=picture
    )
    planner.plan_all()
    message.refresh_from_db()
    assert (message.status, message.kind, message.media_id) == (MessageStatus.QUEUED, "image", picture.pk)


def test_what_is_sent_is_what_was_previewed_also_after_a_pause(organization: Organization) -> None:
    batch = make_batch(organization, [make_sender(organization)], 40, text="{Hi|Hello|Hey} {{name}}{!|.|}")
    render = rendering.renderer_of(batch, organization)
    previewed = [render(message).text for message in of(batch)]
    assert len({text.split()[0] for text in previewed}) == 3
    planner.plan_all()
    assert [message.text for message in of(batch)] == previewed
    services.pause_batch(batch=batch)
    services.resume_batch(batch=batch)
    Message.objects.filter(batch=batch).update(due_at=now())
    planner.plan_all()
    assert [message.text for message in of(batch)] == previewed


def test_a_file_stays_as_long_as_a_batch_has_it(organization: Organization, picture: Media) -> None:
    batch = make_batch(organization, [make_sender(organization)], 0, kind=Kind.IMAGE, media=picture)
    Media.objects.update(created_at=now() - timedelta(days=1))
    assert media.remove_unused() == 0
    batch.delete()
    assert media.remove_unused() == 1
