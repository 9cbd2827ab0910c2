"""The demo organization: people, simulated senders that are linked, and a campaign that is ready to start."""

from pathlib import Path

from django.core.files import File

from accounts import services as accounts
from accounts.models import Organization, User
from campaigns import services as campaigns
from campaigns.models import Campaign
from senders import services as senders
from senders.models import Provider, Sender
from session_service.providers.simulated import network

EMAIL, PASSWORD = "demo@example.com", "demo"  # printed when the demo is ready: it listens on this machine only
SLUG = "demo"
SHEET = Path(__file__).parent / "demo_data" / "customers_1000.xlsx"
SENDERS = {
    "Customer care": "+628110000011",
    "Billing": "+628110000022",
    "Jakarta store": "+628110000033",
    "Surabaya store": "+628110000044",
}
MESSAGE = "Hi {{name}}, your bill of Rp {{jumlah_tagihan}} is due this week. Greetings from our {{kota}} office."


def seed() -> None:
    """Creates what is missing. What people changed since stays as they left it."""
    user = User.objects.filter(email=EMAIL).first() or User.objects.create_user(
        email=EMAIL, password=PASSWORD, name="Dewi Demo", is_staff=True
    )
    organization = Organization.objects.filter(slug=SLUG).first()
    if organization is None:
        network.reset()  # what an earlier database left there knows other senders by the same ids
        organization = accounts.create_organization(
            name="Demo shop", slug=SLUG, owner=user, time_zone="Asia/Jakarta", default_region="ID"
        )
        for name, number in SENDERS.items():
            _add_sender(organization, name, number)
    if not Campaign.objects.for_organization(organization).exists():
        _add_campaign(organization, user)


def _add_sender(organization: Organization, name: str, number: str) -> None:
    sender = senders.create_sender(
        organization=organization,
        name=name,
        provider=Provider.SIMULATED,
        phone_number=number,
        quota_per_minute=None,
        quota_per_hour=None,
        quota_per_day=None,
    )
    network.link(number, sender.pk)
    senders.request_connect(sender=Sender.objects.get(pk=sender.pk))


def _add_campaign(organization: Organization, user: User) -> None:
    """Reads the sheet here and now: no worker runs yet while the demo is being set up."""
    with SHEET.open("rb") as file:
        campaign = campaigns.create_campaign(
            organization=organization,
            name="Payment reminder",
            template=MESSAGE,
            file=File(file, name=SHEET.name),
            file_name=SHEET.name,
            by=user,
        )
    campaigns.prepare_campaign(campaign_id=campaign.pk)
