"""What people said about being messaged: the last word counts, lists take nothing back, everything is kept."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils.timezone import now

from accounts.models import AuditEntry, Organization
from contacts import consent, import_requests, imports
from contacts.consent import Statement
from contacts.models import Consent, ConsentChange, Contact, ContactEvent, ListImport
from contacts.phone_numbers import InvalidNumber
from tests.contacts.workbooks import upload, workbook
from tests.factories import make_organization

pytestmark = pytest.mark.django_db
ANA, BUDI, CITRA, DEWI = "+628111000001", "+628111000002", "+628111000003", "+628111000004"


@pytest.fixture
def organization() -> Organization:
    return make_organization()


@pytest.fixture(autouse=True)
def stored(settings: Any, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path


def held(organization: Organization) -> dict[str, bool]:
    return consent.given_among(organization, [ANA, BUDI, CITRA, DEWI])


def given(number: str, **fields: object) -> Statement:
    return Statement(number, is_given=True, **fields)  # type: ignore[arg-type]


def test_the_last_word_counts_and_every_word_is_kept(organization: Organization) -> None:
    assert consent.say(organization=organization, phone_number="0811-1000-001", is_given=True, source="Fair 2025")
    assert consent.say(
        organization=organization, phone_number=ANA, is_given=False, source="Call", evidence="Please no more"
    )
    assert held(organization) == {ANA: False}
    history = consent.history(organization, ANA)
    assert [(change.is_given, change.source, change.evidence) for change in history] == [
        (False, "Call", "Please no more"),
        (True, "Fair 2025", ""),
    ]
    assert history[0].at > history[1].at


def test_a_repeat_changes_nothing(organization: Organization) -> None:
    said = [given(ANA, source="Fair"), given(BUDI, source="Fair")]
    assert consent.write(organization_id=organization.pk, said=said) == 2
    assert consent.write(organization_id=organization.pk, said=said) == 0
    assert ConsentChange.objects.count() == 2


def test_a_second_proof_is_kept_beside_the_first(organization: Organization) -> None:
    consent.write(organization_id=organization.pk, said=[given(ANA, source="Fair")])
    assert consent.write(organization_id=organization.pk, said=[given(ANA, source="Web form")]) == 1
    assert Consent.objects.get().source == "Web form"
    assert ConsentChange.objects.count() == 2


def test_of_one_number_in_one_call_the_last_word_counts(organization: Organization) -> None:
    said = [given(ANA), Statement(ANA, is_given=False), Statement(BUDI, is_given=False), given(BUDI)]
    consent.write(organization_id=organization.pk, said=said)
    assert held(organization) == {ANA: False, BUDI: True}


def test_what_was_said_without_a_time_never_overturns_a_withdrawal(organization: Organization) -> None:
    consent.say(organization=organization, phone_number=ANA, is_given=False)
    assert consent.write(organization_id=organization.pk, said=[given(ANA, source="Old list")]) == 0
    assert held(organization) == {ANA: False}


def test_an_older_word_changes_nothing_and_a_later_one_does(organization: Organization) -> None:
    consent.say(organization=organization, phone_number=ANA, is_given=False)
    before, after = now() - timedelta(days=1), now()
    assert consent.write(organization_id=organization.pk, said=[given(ANA, at=before)]) == 0
    assert consent.write(organization_id=organization.pk, said=[given(ANA, at=after)]) == 1
    assert held(organization) == {ANA: True}


def test_nobody_can_have_agreed_tomorrow(organization: Organization) -> None:
    tomorrow = now() + timedelta(days=1)
    with pytest.raises(ValidationError, match="yet to come"):
        consent.say(organization=organization, phone_number=ANA, is_given=True, at=tomorrow)
    with pytest.raises(InvalidNumber):
        consent.say(organization=organization, phone_number="12", is_given=True)
    assert not Consent.objects.exists()


def test_it_is_audited_without_the_number_and_shown_in_the_timeline(organization: Organization) -> None:
    contact = Contact.objects.create(organization=organization, phone_number=ANA)
    consent.say(organization=organization, phone_number=ANA, is_given=True, source="Fair")
    consent.say(organization=organization, phone_number=ANA, is_given=False)
    entry = AuditEntry.objects.get(action="contacts.consent_given")
    assert ANA not in entry.target
    assert entry.detail == {"source": "Fair"}
    kinds = ContactEvent.objects.filter(contact=contact).order_by("id").values_list("kind", flat=True)
    assert list(kinds) == ["consent_given", "consent_withdrawn"]


def test_organizations_do_not_share_consent(organization: Organization) -> None:
    other = make_organization()
    consent.say(organization=other, phone_number=ANA, is_given=True)
    assert held(organization) == {}
    assert not consent.history(organization, ANA)


def imported(organization: Organization, *rows: tuple[Any, ...], **fields: Any) -> ListImport:
    """A sheet with phone, city, agreed, on and where, as the wizard takes it in, written to contacts."""
    header = ("Phone", "City", "Consent", "Consent date", "Consent source")
    file = upload(workbook(header[: len(rows[0])], *rows), "fair.xlsx")
    found = import_requests.start_import(organization=organization, file=file, file_name="fair.xlsx", **fields)
    imports.run(list_import_id=found.pk)
    found.refresh_from_db()
    assert found.status == ListImport.Status.DONE, found.error
    return found


def test_everybody_of_an_import_agreed_but_those_who_took_it_back(organization: Organization) -> None:
    consent.say(organization=organization, phone_number=BUDI, is_given=False)
    rows = ((ANA, "Medan"), (BUDI, "Medan"), (ANA, "Bandung"), ("", "Jakarta"))
    imported(organization, *rows, consent_source="Fair 2026")
    assert held(organization) == {ANA: True, BUDI: False}
    assert Consent.objects.get(phone_number=ANA).source == "Fair 2026"
    imported(organization, *rows, consent_source="Fair 2026")
    assert ConsentChange.objects.filter(phone_number=ANA).count() == 1


def test_an_import_that_is_undone_never_said_anything(organization: Organization) -> None:
    consent.say(organization=organization, phone_number=BUDI, is_given=True, source="Fair", evidence="signed")
    list_import = imported(
        organization, (ANA, "Medan", "yes"), (BUDI, "Medan", "no"), (CITRA, "Medan", "yes"), (DEWI, "Medan", "yes")
    )
    consent.say(organization=organization, phone_number=CITRA, is_given=False)
    imported(organization, (DEWI, "Bandung"), consent_source="Shop")
    import_requests.undo_import(list_import=list_import)
    imports.undo(list_import_id=list_import.pk)
    assert held(organization) == {BUDI: True, CITRA: False, DEWI: True}
    assert (Consent.objects.get(phone_number=BUDI).source, Consent.objects.get(phone_number=DEWI).source) == (
        "Fair",
        "Shop",
    )
    assert [change.source for change in consent.history(organization, DEWI)] == ["Shop"]
    list_import.refresh_from_db()
    assert list_import.undo_result["consents"] == 2


def test_a_column_says_who_agreed(organization: Organization) -> None:
    consent.say(organization=organization, phone_number=BUDI, is_given=True)
    imported(organization, (ANA, "Medan", " Sim "), (BUDI, "Medan", "Tidak"), (CITRA, "Medan", "perhaps"))
    assert held(organization) == {ANA: True, BUDI: False}
    assert Consent.objects.get(phone_number=ANA).source == "fair.xlsx"


def test_columns_say_when_and_where(organization: Organization) -> None:
    imported(
        organization,
        (ANA, "Medan", "yes", date(2026, 3, 1), "Stand 4"),
        (BUDI, "Medan", "yes", "2026-02-30", ""),
        (CITRA, "Medan", "yes", "last year", ""),
    )
    told = {row.phone_number: row for row in Consent.objects.all()}
    assert (told[ANA].at.date(), told[ANA].source) == (date(2026, 3, 1), "Stand 4")
    assert told[BUDI].at.date() == date(2026, 3, 2)
    assert now() - told[CITRA].at < timedelta(minutes=1)


def test_an_import_that_says_nothing_of_consent_changes_none(organization: Organization) -> None:
    imported(organization, (ANA, "Medan"))
    assert held(organization) == {}
