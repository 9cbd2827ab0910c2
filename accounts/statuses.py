"""How a status looks: its word, its tone and its icon. One table, so that "failed" is the same red everywhere.

Keys are the stored words of every status in the product (for numbered ones their label). A word can differ from
model to model ("Failed", "List not usable"): then the caller hands it over and only tone and icon come from here.
"""

from typing import Final, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Look(NamedTuple):
    word: str | Promise
    tone: str  # neutral, info, success, warning or danger: the classes `tone-…` of static/src/styles/components.css
    icon: str
    working: bool = False  # something is going on right now: the icon turns


LOOKS: Final[dict[str, Look]] = {
    # Messages
    "pending": Look(_("Pending"), "neutral", icon="clock"),
    "queued": Look(_("Queued"), "neutral", icon="stack-2"),
    "sending": Look(_("Sending"), "info", icon="loader-2", working=True),
    "sent": Look(_("Sent"), "info", icon="check"),
    "delivered": Look(_("Delivered"), "success", icon="checks"),
    "read": Look(_("Read"), "success", icon="eye-check"),
    "failed": Look(_("Failed"), "danger", icon="alert-circle"),
    "unknown": Look(_("Unknown"), "warning", icon="help-circle"),
    "cancelled": Look(_("Cancelled"), "neutral", icon="ban"),
    "skipped": Look(_("Skipped"), "neutral", icon="player-skip-forward"),
    "received": Look(_("Received"), "info", icon="message-reply"),
    # Campaigns and batches
    "draft": Look(_("Draft"), "neutral", icon="pencil"),
    "submitted": Look(_("Waits for approval"), "warning", icon="clock"),
    "approved": Look(_("Approved"), "success", icon="circle-check"),
    "returned": Look(_("Returned"), "warning", icon="arrow-back-up"),
    "ready": Look(_("Ready"), "info", icon="circle-check"),
    "running": Look(_("Running"), "success", icon="loader-2", working=True),
    "paused": Look(_("Paused"), "warning", icon="player-pause"),
    "completed": Look(_("Completed"), "success", icon="circle-check"),
    "scheduled": Look(_("Scheduled"), "info", icon="calendar-time"),
    # Due times of schedules
    "starting": Look(_("Starting"), "info", icon="loader-2", working=True),
    "started": Look(_("Started"), "success", icon="circle-check"),
    "missed": Look(_("Missed"), "warning", icon="calendar-x"),
    "overtaken": Look(_("Left out"), "neutral", icon="player-skip-forward"),
    "ended": Look(_("Ended"), "neutral", icon="flag"),
    # Imports of lists
    "reading": Look(_("Reading"), "info", icon="loader-2", working=True),
    "importing": Look(_("Importing"), "info", icon="loader-2", working=True),
    "done": Look(_("Imported"), "success", icon="circle-check"),
    # Consent, and people who are erased
    "never_asked": Look(_("Never said"), "neutral", icon="help-circle"),
    "agreed": Look(_("Agreed"), "success", icon="circle-check"),
    "withdrawn": Look(_("Took it back"), "warning", icon="ban"),
    "waiting": Look(_("Waiting"), "warning", icon="clock"),
    "removing": Look(_("Removing"), "info", icon="loader-2", working=True),
    "erased": Look(_("Done"), "success", icon="circle-check"),
    # Numbers on the blocklist
    "blocked": Look(_("Blocked"), "danger", icon="ban"),
    "opted_out": Look(_("Opted out"), "warning", icon="hand-stop"),
    "opted_in": Look(_("Returned"), "success", icon="message-reply"),
    # Senders
    "disconnected": Look(_("Disconnected"), "neutral", icon="plug-connected-x"),
    "connecting": Look(_("Connecting"), "info", icon="loader-2", working=True),
    "scan": Look(_("Waiting for scan"), "warning", icon="qrcode"),
    "connected": Look(_("Connected"), "success", icon="plug-connected"),
    "reconnecting": Look(_("Reconnecting"), "warning", icon="loader-2", working=True),
    "stalled": Look(_("Stalled"), "warning", icon="alert-triangle"),
    "logged_out": Look(_("Logged out"), "danger", icon="logout"),
    "replaced": Look(_("Replaced"), "danger", icon="switch-horizontal"),
    "banned": Look(_("Banned"), "danger", icon="ban"),
    # Workers of the session service
    "alive": Look(_("Alive"), "success", icon="heartbeat"),
    "draining": Look(_("Draining"), "warning", icon="loader-2", working=True),
    "drained": Look(_("Drained"), "neutral", icon="droplet-off"),
    "lost": Look(_("Lost"), "danger", icon="heart-broken"),
    "stopped": Look(_("Stopped"), "neutral", icon="player-stop"),
    # API keys
    "active": Look(_("Active"), "success", icon="circle-check"),
    "expired": Look(_("Expired"), "warning", icon="clock-off"),
    "revoked": Look(_("Revoked"), "neutral", icon="ban"),
    # Members
    "invited": Look(_("Invited"), "warning", icon="mail"),
}


def look_of(status: str) -> Look:
    """The look of a status; one that nobody has listed shows its own word, in grey."""
    return LOOKS.get(status) or Look(status.replace("_", " ").capitalize(), "neutral", icon="point")
