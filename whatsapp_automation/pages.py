"""The first page after signing in: what runs now, and what needs attention."""

from django.http import HttpResponse
from django.shortcuts import render

from accounts.permissions import requires
from accounts.requests import OrganizationRequest
from campaigns.models import Campaign
from messaging import progress
from messaging.models import BatchStatus
from senders.models import Sender, SenderStatus

RECENT = 5


@requires("campaigns.view")
def home(request: OrganizationRequest, organization: str) -> HttpResponse:
    campaigns = list(
        Campaign.objects.for_organization(request.organization)
        .select_related("batch", "schedule")
        .order_by("-id")[:RECENT]
    )
    figures = progress.snapshots(campaign.batch for campaign in campaigns)
    senders = list(Sender.objects.for_organization(request.organization))
    return render(
        request,
        "home.html",
        {
            "recent": [(campaign, figures[campaign.batch_id]) for campaign in campaigns],
            "running": sum(campaign.batch.status == BatchStatus.RUNNING for campaign in campaigns),
            "senders": senders,
            "connected": sum(sender.status == SenderStatus.CONNECTED for sender in senders),
            "needing_attention": [
                sender
                for sender in senders
                if sender.status not in (SenderStatus.CONNECTED, SenderStatus.CONNECTING, SenderStatus.DISCONNECTED)
            ],
        },
    )
