"""Files that a form holds before anything is saved: uploaded at once, and named by a signed token until then.

A token names a file, the kind that it is sent as, and perhaps the saved template that it came with. It is made by the
server for one organization, so that nobody can name a file that they were never shown.
"""

from dataclasses import dataclass
from typing import Any

from django.core import signing
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Organization
from messaging.attachments import InvalidFile
from messaging.kinds import Kind
from messaging.models import Media, TemplateVersion

SALT = "messaging.message_files"


@dataclass(frozen=True)
class Attached:
    """What goes with a text. Without `media` it is a plain text; `version` is the saved template it was taken from."""

    media: Media | None = None
    kind: str = Kind.TEXT
    version: TemplateVersion | None = None

    @property
    def token(self) -> str:
        """Empty where nothing goes with the text."""
        if self.media is None and self.version is None:
            return ""
        named = {
            "media": self.media.pk if self.media else None,
            "kind": str(self.kind),
            "version": self.version.pk if self.version else None,
        }
        return signing.dumps(named, salt=SALT)

    def described(self, organization: Organization) -> dict[str, Any]:
        """For the page's script: the token, and how the file is shown."""
        described: dict[str, Any] = {"token": self.token, "kind": str(self.kind), "name": "", "size": 0, "url": ""}
        if self.media is not None:
            address = reverse("messaging:file", args=[organization.slug])
            described |= {"name": str(self.media), "size": self.media.size, "url": f"{address}?token={self.token}"}
        return described


def read(organization: Organization, token: str) -> Attached:
    """What a token names. Raises `InvalidFile`."""
    if not token:
        return Attached()
    try:
        named = signing.loads(token, salt=SALT)
    except signing.BadSignature as error:
        raise InvalidFile(_("The file is no longer known. Choose it again.")) from error
    media = version = None
    if named["media"] is not None:
        media = Media.objects.for_organization(organization).filter(pk=named["media"]).first()
        if media is None:
            raise InvalidFile(_("The file was removed meanwhile. Choose it again."))
    if named["version"] is not None:
        versions = TemplateVersion.objects.filter(template__organization=organization)
        version = versions.filter(pk=named["version"]).first()
    return Attached(media, named["kind"] if media else Kind.TEXT, version)
