"""Texts that are used again: by campaigns, broadcasts, flows, and whoever answers a person."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils.timezone import now
from django.utils.translation import gettext as _

from accounts.models import Organization, User
from accounts.services import Actor, record
from messaging import template_text
from messaging.kinds import LONGEST_CAPTION, WITH_CAPTION, Kind
from messaging.models import Media, MessageTemplate, TemplateVersion
from messaging.template_text import TemplateError


def templates_of(
    organization: Organization, *, search: str = "", folder: str | None = None, archived: bool = False
) -> QuerySet[MessageTemplate]:
    """Templates with the text, the kind and the number of their newest version; `folder` "" are those in none."""
    newest = TemplateVersion.objects.filter(template=OuterRef("pk")).order_by("-number")
    found = MessageTemplate.objects.for_organization(organization).filter(archived_at__isnull=not archived)
    found = found.annotate(
        text=Subquery(newest.values("text")[:1]),
        kind=Subquery(newest.values("kind")[:1]),
        version=Subquery(newest.values("number")[:1]),
    )
    if folder is not None:
        found = found.filter(folder=folder)
    if search := search.strip():
        found = found.filter(Q(name__icontains=search) | Q(text__icontains=search))
    return found


def folders_of(organization: Organization) -> list[str]:
    """The folders that hold a template, by name."""
    used = MessageTemplate.objects.for_organization(organization).filter(archived_at=None).exclude(folder="")
    return list(used.order_by("folder").values_list("folder", flat=True).distinct())


def newest_version(template: MessageTemplate) -> TemplateVersion:
    return template.versions.select_related("media").latest("number")


def create_template(
    *,
    organization: Organization,
    name: str,
    text: str = "",
    folder: str = "",
    media: Media | None = None,
    kind: str = Kind.TEXT,
    by: Actor = None,
) -> MessageTemplate:
    """Raises `ValidationError` with the fields' names: name, text, folder."""
    _check(name=name, text=text, folder=folder, media=media, kind=kind)
    template = MessageTemplate(organization=organization, name=name.strip(), folder=folder.strip())
    with transaction.atomic():
        _save(template)
        _add_version(template, text, media, kind, by)
        record(organization=organization, by=by, action="template.created", target=str(template))
    return template


def change_template(
    *,
    template: MessageTemplate,
    name: str,
    text: str,
    folder: str = "",
    media: Media | None = None,
    kind: str = Kind.TEXT,
    by: Actor = None,
) -> TemplateVersion:
    """Renames, moves, and writes a new version where what it says has changed. Raises `ValidationError`."""
    _check(name=name, text=text, folder=folder, media=media, kind=kind)
    with transaction.atomic():
        locked = MessageTemplate.objects.select_for_update().get(pk=template.pk)
        template.name, template.folder = locked.name, locked.folder = name.strip(), folder.strip()
        _save(locked)
        version = newest_version(locked)
        if (version.text, version.media_id, version.kind) != (text, media.pk if media else None, kind):
            version = _add_version(locked, text, media, kind, by)
        record(organization=locked.organization, by=by, action="template.changed", target=str(locked))
    return version


def bring_back(*, version: TemplateVersion, by: Actor = None) -> TemplateVersion:
    """Makes what an older version said the newest version."""
    template = version.template
    return change_template(
        template=template,
        name=template.name,
        folder=template.folder,
        text=version.text,
        media=version.media,
        kind=version.kind,
        by=by,
    )


def archive_template(*, template: MessageTemplate, by: Actor = None) -> None:
    """Takes it out of every choice. What was made with it stays as it is."""
    changed = MessageTemplate.objects.filter(pk=template.pk, archived_at=None).update(archived_at=now())
    if changed:
        record(organization=template.organization, by=by, action="template.archived", target=str(template))


def restore_template(*, template: MessageTemplate, by: Actor = None) -> None:
    """Raises `ValidationError` (name) where another template has taken the name meanwhile."""
    template.archived_at = None
    with transaction.atomic():
        _save(template)
        record(organization=template.organization, by=by, action="template.restored", target=str(template))


def _check(*, name: str, text: str, folder: str, media: Media | None, kind: str) -> None:
    errors: dict[str, list[str]] = {}
    if not name.strip():
        errors["name"] = [_("Give the template a name.")]
    elif len(name.strip()) > 120:
        errors["name"] = [_("The name may have 120 characters.")]
    if len(folder.strip()) > 80:
        errors["folder"] = [_("The name of a folder may have 80 characters.")]
    if complaint := complaint_about(text, media, kind):
        errors["text"] = [complaint]
    if errors:
        raise ValidationError(errors)


def complaint_about(text: str, media: Media | None, kind: str) -> str:
    """What is wrong with a text that goes out beside a file, or alone; empty where nothing is."""
    if media is not None and not text.strip():
        return ""  # a file needs no caption
    if media is not None and kind not in WITH_CAPTION:
        return _("A message of the kind %(kind)s has no text.") % {"kind": Kind(kind).label}
    if media is not None and len(text) > LONGEST_CAPTION:
        return _("A caption has at most %(n)d characters.") % {"n": LONGEST_CAPTION}
    try:
        template_text.parse(text)
    except TemplateError as error:
        return str(error)
    return ""


def _save(template: MessageTemplate) -> None:
    try:
        with transaction.atomic():
            template.save()
    except IntegrityError as error:
        words = {"name": template.name, "folder": template.folder}
        taken = _("The folder “%(folder)s” has a template of the name “%(name)s” already.") if template.folder else ""
        taken = taken or _("There is a template of the name “%(name)s” already.")
        raise ValidationError({"name": [taken % words]}) from error


def _add_version(template: MessageTemplate, text: str, media: Media | None, kind: str, by: Actor) -> TemplateVersion:
    last = template.versions.order_by("-number").values_list("number", flat=True).first() or 0
    return TemplateVersion.objects.create(
        template=template,
        number=last + 1,
        text=text,
        media=media,
        kind=kind,
        created_by=by if isinstance(by, User) else None,
    )
