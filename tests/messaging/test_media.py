"""Files of messages in a storage that has no folder on this machine, and after a crash."""

import os
import time
from io import BytesIO
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from pytest_django.fixtures import Settings

from accounts.models import Organization
from messaging import media
from messaging.models import Media
from tests.messaging.files import PNG

pytestmark = pytest.mark.django_db


@pytest.fixture
def far_away(settings: Settings, tmp_path: Path) -> Path:
    """A storage that gives no paths, as S3; the folder of local copies."""
    settings.STORAGES = {**settings.STORAGES, "default": {"BACKEND": "tests.messaging.far_storage.FarStorage"}}
    settings.DATA_DIR = tmp_path
    settings.MEDIA_ROOT = tmp_path / "far_away"
    return tmp_path / "media_copies"


def stored(organization: Organization, name: str = "cat.png") -> Media:
    return media.store(organization_id=organization.pk, file=BytesIO(PNG), mime_type="image/png", file_name=name)


def test_a_session_reads_a_copy_that_is_kept(organization: Organization, far_away: Path) -> None:
    file = stored(organization)
    path = media.local_copy(file.name, file.size)
    assert Path(path).read_bytes() == PNG
    default_storage.delete(file.name)
    assert media.local_copy(file.name, file.size) == path, "a retry needs no storage"


def test_old_copies_go(organization: Organization, far_away: Path) -> None:
    far_away.mkdir()
    old = far_away / "old.png"
    old.write_bytes(PNG)
    os.utime(old, (time.time() - 2 * 24 * 3600,) * 2)
    file = stored(organization)
    media.local_copy(file.name, file.size)
    assert [path.name for path in far_away.iterdir()] == [Path(file.name).name]


def test_a_file_that_the_storage_lost(organization: Organization, far_away: Path) -> None:
    file = stored(organization)
    default_storage.delete(file.name)
    with pytest.raises(media.NoSuchFile):
        media.local_copy(file.name, file.size)


def test_half_a_file_that_a_killed_process_left_is_not_taken_for_it(
    organization: Organization, settings: Settings, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    first = stored(organization)
    (tmp_path / first.name).write_bytes(PNG[:5])
    again = stored(organization)
    assert again == first
    assert Path(media.local_copy(again.name, again.size)).read_bytes() == PNG


def test_one_file_under_two_names_goes_with_the_last(
    organization: Organization, settings: Settings, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    one, other = stored(organization, "a.png"), stored(organization, "b.png")
    assert one.name == other.name
    Media.objects.filter(pk=one.pk).update(created_at="2026-01-01T00:00Z")
    assert media.remove_unused() == 1
    assert default_storage.exists(other.name)
    Media.objects.update(created_at="2026-01-01T00:00Z")
    assert media.remove_unused() == 1
    assert not default_storage.exists(other.name)


def test_files_of_the_same_content_belong_to_each_organization_alone(
    organization: Organization, other_organization: Organization, settings: Settings, tmp_path: Path
) -> None:
    settings.MEDIA_ROOT = tmp_path
    assert stored(organization).name != stored(other_organization).name
