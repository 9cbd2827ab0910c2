"""The API describes itself completely."""

import pytest
from django.core.management import call_command
from django.test import Client


def test_the_schema_is_valid_and_complete(tmp_path) -> None:
    call_command("spectacular", validate=True, fail_on_warn=True, file=str(tmp_path / "schema.yml"))
    schema = (tmp_path / "schema.yml").read_text()
    for path in ("/api/campaigns/{campaign_id}/stats:", "/api/senders/{sender_id}/qr:", "/api/messages:"):
        assert path in schema
    assert "name: X-Api-Key" in schema


@pytest.mark.django_db
def test_the_docs_open_without_signing_in() -> None:
    assert Client().get("/api/docs").status_code == 200
    assert Client().get("/api/schema").status_code == 200
