"""What is kept long enough goes, in portions, and nothing else does."""

import io
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse
from django.utils.timezone import now

from accounts.models import AuditEntry, Organization
from contacts import consent
from contacts.models import BlocklistEntry, Consent, Contact, ContactSettings
from messaging import media, retention
from messaging.models import Media, Message, MessageStatus
from messaging.shown import shown
from tests.factories import assert_counters_true, make_batch, make_sender, phone_number
from whatsapp_automation.tasks import housekeeping

pytestmark = pytest.mark.django_db
OLD, NEW = now() - timedelta(days=100), now() - timedelta(days=10)


@pytest.fixture(autouse=True)
def stored(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def keep(organization: Organization, **days: int) -> None:
    ContactSettings.objects.update_or_create(organization=organization, defaults=days)


def message(organization: Organization, text: str, at: Any, **fields: Any) -> Message:
    given = {"status": MessageStatus.READ, "phone_number": phone_number(1), "created_at": at, "sent_at": at}
    return Message.objects.create(organization=organization, text=text, **{**given, **fields})


def texts(organization: Organization) -> set[str]:
    return set(Message.objects.filter(organization=organization).exclude(text="").values_list("text", flat=True))


def test_nothing_goes_unless_it_was_asked_for(organization: Organization) -> None:
    message(organization, "old", OLD)
    housekeeping(organization.pk)
    assert texts(organization) == {"old"}


def test_old_texts_go_and_what_is_open_or_young_stays(
    organization: Organization, other_organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "MESSAGES_A_PORTION", 2)
    gone = message(organization, "old", OLD, variables={"name": "Ana"}, content={"reply_to": {"text": "x"}})
    message(organization, "waits", OLD, status=MessageStatus.PENDING, sent_at=None)
    message(organization, "sent late", OLD, sent_at=NEW)
    for number in range(5):
        message(organization, f"old {number}", OLD)
    message(organization, "new", NEW)
    message(other_organization, "theirs", OLD)
    keep(organization, texts_kept_days=90)
    assert retention.preview(organization, texts_kept_days=90, contacts_kept_days=None).texts == 6
    housekeeping(organization.pk)
    assert texts(organization) == {"waits", "sent late", "new"}
    assert texts(other_organization) == {"theirs"}
    gone.refresh_from_db()
    assert (gone.phone_number, gone.variables, gone.content) == (phone_number(1), {}, {})
    assert gone.cleared_at is not None
    assert shown(gone).title == "The text is no longer kept."
    assert retention.preview(organization, texts_kept_days=90, contacts_kept_days=None).texts == 0


def test_what_was_passed_over_goes_when_its_time_comes(organization: Organization) -> None:
    keep(organization, texts_kept_days=90)
    waiting = message(organization, "waits", OLD, status=MessageStatus.PENDING, sent_at=None)
    message(organization, "old", OLD)
    retention.apply(organization)
    assert texts(organization) == {"waits"}
    Message.objects.filter(pk=waiting.pk).update(status=MessageStatus.CANCELLED, ended_at=OLD)
    assert retention.apply(organization).texts == 1
    settings = ContactSettings.objects.get(organization=organization)
    assert settings.texts_cleared_up_to == Message.objects.latest("id").pk
    assert retention.apply(organization).texts == 0


def test_a_shorter_time_reaches_what_was_young(organization: Organization) -> None:
    message(organization, "old", OLD)
    message(organization, "new", NEW)
    keep(organization, texts_kept_days=90)
    retention.apply(organization)
    keep(organization, texts_kept_days=5)
    assert retention.apply(organization).texts == 1
    assert texts(organization) == set()


def test_figures_stay_and_what_failed_cannot_be_tried_again(organization: Organization) -> None:
    batch = make_batch(organization, [make_sender(organization)], 3)
    Message.objects.filter(batch=batch).update(
        status=MessageStatus.PENDING, created_at=OLD, due_at=OLD, exhausted=True, text="hi"
    )
    keep(organization, texts_kept_days=90)
    assert retention.apply(organization).texts == 0, "they still wait"
    assert_counters_true(batch)
    done = message(organization, "failed", OLD, status=MessageStatus.FAILED, exhausted=True)
    retention.apply(organization)
    done.refresh_from_db()
    assert not done.exhausted


def test_the_file_goes_with_the_text(organization: Organization) -> None:
    kept = media.store(organization_id=organization.pk, file=io.BytesIO(b"x"), mime_type="image/png")
    Media.objects.update(created_at=OLD)
    message(organization, "old", OLD, media=kept)
    keep(organization, texts_kept_days=90)
    retention.apply(organization)
    media.remove_unused()
    assert not default_storage.exists(kept.name)


def test_people_without_activity_go_and_the_blocklist_stays(
    organization: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "PEOPLE_A_PORTION", 2)
    names = ["silent", "silent too", "wrote", "changed", "silent three", "waits", "wrote by LID"]
    for index, name in enumerate(names):
        Contact.objects.create(
            organization=organization,
            name=name,
            phone_number=phone_number(index) if "LID" not in name else "",
            lid="777" if "LID" in name else "",
            created_at=OLD,
            updated_at=NEW if name == "changed" else OLD,
        )
        message(organization, "long ago", OLD, phone_number=phone_number(index))
    message(organization, "hi", NEW, phone_number=phone_number(2), direction="in", status=MessageStatus.RECEIVED)
    message(organization, "soon", OLD, phone_number=phone_number(5), status=MessageStatus.PENDING, sent_at=None)
    message(organization, "lid", NEW, phone_number="", lid="777", direction="in", status=MessageStatus.RECEIVED)
    consent.say(organization=organization, phone_number=phone_number(0), is_given=True)
    Contact.objects.filter(name="silent").update(updated_at=OLD)
    BlocklistEntry.objects.create(organization=organization, phone_number=phone_number(0))
    keep(organization, contacts_kept_days=90)
    assert retention.preview(organization, texts_kept_days=None, contacts_kept_days=90).people == 3
    assert retention.apply(organization).people == 3
    left = set(Contact.objects.values_list("name", flat=True))
    assert left == {"wrote", "changed", "waits", "wrote by LID"}
    assert BlocklistEntry.objects.count() == 1
    assert not Consent.objects.exists()


# -- The page --


def test_the_page_shows_what_would_go_before_anything_is_saved(
    owner_client: Client, organization: Organization
) -> None:
    message(organization, "old", OLD)
    address = reverse("messaging_privacy:privacy", args=[organization.slug])
    given = {"texts_kept_days": "90", "contacts_kept_days": "", "marketing_needs_consent": "on"}
    looked = owner_client.post(address, {**given, "preview": "1"}).content.decode()
    assert "This would remove the text of 1 message now," in looked
    assert not ContactSettings.objects.exists()
    assert owner_client.post(address, {**given, "save": "1"}).status_code == 302
    settings = ContactSettings.objects.get(organization=organization)
    assert (settings.texts_kept_days, settings.contacts_kept_days, settings.marketing_needs_consent) == (
        90,
        None,
        True,
    )
    assert AuditEntry.objects.get(action="contacts.privacy_changed").detail["texts_kept_days"] == 90
    assert texts(organization) == {"old"}, "the night does it"
    assert owner_client.post(address, {**given, "texts_kept_days": "0", "save": "1"}).status_code == 422


def test_only_who_manages_the_organization_sees_it(teammate_client: Client, organization: Organization) -> None:
    address = reverse("messaging_privacy:privacy", args=[organization.slug])
    assert teammate_client.get(address).status_code == 403
