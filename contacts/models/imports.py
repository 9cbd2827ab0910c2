"""Uploaded sheets, their rows, and what their import changed."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, OrganizationQuerySet, User
from contacts.models.blocklist import BlocklistEntry
from contacts.models.people import Contact, ContactList


class ListImport(models.Model):
    """One uploaded sheet on its way: stored by the web process, read by a task.

    Its people are meant `for_contacts`, or else for whoever made the import, such as a campaign, and stay `ready`.
    `columns` is a list of columns as `contacts.columns` describes them, in the sheet's order. Counts of rows are of
    rows under the header: `rows = blank_rows + invalid + merged + people`, and `people = created + updated +
    unchanged`. Of a `ready` import, these last three say what would become of its people (as of `read_at`); of a
    `done` one, what became of them.
    """

    class Status(models.TextChoices):
        READING = "reading", _("Reading")  # the file is stored; a task is reading it or will
        READY = "ready", _("Read")  # every row stands in ImportedRow; nothing else was changed
        IMPORTING = "importing", _("Importing")  # people are being written to contacts
        DONE = "done", _("Imported")
        FAILED = "failed", _("Failed")  # `error` says why; no row of it is used
        CANCELLED = "cancelled", _("Cancelled")

    class Purpose(models.TextChoices):
        CONTACTS = "contacts", _("People to write to")
        BLOCKLIST = "blocklist", _("Numbers never to write to")

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="list_imports")
    file = models.FileField(
        _("file"), upload_to="imports/%Y/%m", blank=True, help_text=_("Stored until the import has ended.")
    )
    file_name = models.CharField(_("file name"), max_length=255)
    contact_list = models.ForeignKey(
        ContactList, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=_("into the list")
    )
    for_contacts = models.BooleanField(_("for contacts"), default=False)
    purpose = models.CharField(
        _("purpose"),
        max_length=10,
        choices=Purpose.choices,
        default=Purpose.CONTACTS,
        db_default=Purpose.CONTACTS.value,
    )
    block_as = models.CharField(
        _("blocked because"),
        max_length=10,
        choices=BlocklistEntry.Reason.choices,
        default=BlocklistEntry.Reason.BLOCKED,
        db_default=BlocklistEntry.Reason.BLOCKED.value,
    )
    tags: ArrayField = ArrayField(
        models.CharField(max_length=50), verbose_name=_("tags for everybody"), default=list, db_default=[], blank=True
    )
    consent_source = models.CharField(
        _("they agreed to be messaged"),
        max_length=200,
        blank=True,
        default="",
        db_default="",
        help_text=_("Where: everybody in the file agreed there. Empty: the file says it of each, or nothing."),
    )
    commit_when_read = models.BooleanField(
        _("import at once"), default=False, help_text=_("Write the people to contacts as soon as the file is read.")
    )
    # A sheet whose columns cannot be told fails, unless somebody is there who can choose them.
    is_asked_about = models.BooleanField(
        _("somebody chooses the columns"), default=False, db_default=False, editable=False
    )
    sheet = models.CharField(
        _("worksheet"), max_length=100, blank=True, db_default="", help_text=_("Empty: the first.")
    )
    mapping = models.JSONField(
        _("chosen columns"), null=True, blank=True, help_text=_("As in contacts.columns; empty where it is guessed.")
    )
    # What the page shows to choose from, as long as the import waits: `{"sheets": [names], "rows": [[texts]]}`.
    sample = models.JSONField(_("sample"), default=dict, db_default={}, blank=True)
    status = models.CharField(_("status"), max_length=10, choices=Status.choices, default=Status.READING)
    error = models.TextField(_("error"), blank=True)
    columns = models.JSONField(_("columns"), default=list, blank=True)
    rows = models.PositiveIntegerField(_("rows"), default=0)
    rows_read = models.PositiveIntegerField(_("rows read so far"), default=0)
    blank_rows = models.PositiveIntegerField(_("blank rows"), default=0)
    invalid = models.PositiveIntegerField(_("rows without a usable number"), default=0)
    merged = models.PositiveIntegerField(_("rows merged into another"), default=0)
    blocked = models.PositiveIntegerField(_("people on the blocklist"), default=0)
    created = models.PositiveIntegerField(_("new contacts"), default=0)
    updated = models.PositiveIntegerField(_("updated contacts"), default=0)
    unchanged = models.PositiveIntegerField(_("unchanged contacts"), default=0, db_default=0)
    listed = models.PositiveIntegerField(_("new on the list"), default=0, db_default=0)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    read_at = models.DateTimeField(null=True, blank=True, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)
    undo_asked_at = models.DateTimeField(null=True, blank=True, editable=False)
    undone_at = models.DateTimeField(null=True, blank=True, editable=False)
    # `{"removed", "restored", "unlisted", "consents", "kept": {reason: people}}`; `error` where it could not be done.
    undo_result = models.JSONField(_("what undoing did"), default=dict, db_default={}, blank=True)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("list import")
        verbose_name_plural = _("list imports")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["id"], name="imports_to_take_up", condition=models.Q(status__in=["reading", "importing"])
            ),
            models.Index(
                fields=["id"],
                name="imports_to_undo",
                condition=models.Q(undo_asked_at__isnull=False, undone_at__isnull=True),
            ),
            models.Index(fields=["id"], name="imports_with_a_file", condition=~models.Q(file="")),
        ]

    def __str__(self) -> str:
        return self.file_name


class ImportedRow(models.Model):
    """One row of an uploaded sheet as it was understood. Of rows with the same number, the last one counts.

    `values` maps variable names to text. A row without a usable number has an empty `phone_number`, a `problem`, and
    its `cells` as texts in the sheet's order, so that it can be given back as it was.
    """

    class Problem(models.TextChoices):
        NONE = "", _("None")
        NO_NUMBER = "no_number", _("No number in the phone’s cell")
        IMPOSSIBLE = "impossible", _("Not a possible phone number")
        FIXED_LINE = "fixed_line", _("A land line or a service number, not a mobile number")
        SHORTENED = (
            "shortened",
            _("Excel shortened it. Format the column as Text (Format Cells > Text) and enter the number again."),
        )
        BAD_TAGS = "bad_tags", _("A tag may have 50 signs, and a person 100 tags")
        UNKNOWN_COUNTRY = (
            "unknown_country",
            _("Its country is not known. Write the country’s name, or +62 and the like"),
        )

    list_import = models.ForeignKey(ListImport, on_delete=models.CASCADE, related_name="imported_rows")
    row_number = models.PositiveIntegerField(_("row in the sheet"))
    phone_number = models.CharField(_("phone number"), max_length=16, blank=True)
    phone_as_written = models.CharField(_("as written"), max_length=100, blank=True)
    values = models.JSONField(_("values"), default=dict)
    tags: ArrayField = ArrayField(models.CharField(max_length=50), verbose_name=_("tags"), null=True, blank=True)
    cells = models.JSONField(_("cells"), null=True, blank=True)
    problem = models.CharField(_("problem"), max_length=20, choices=Problem.choices, blank=True)

    class Meta:
        verbose_name = _("imported row")
        verbose_name_plural = _("imported rows")
        indexes = [
            models.Index(fields=["list_import", "phone_number", "row_number"], name="rows_by_number"),
            models.Index(
                fields=["list_import", "row_number"], name="rows_with_a_problem", condition=~models.Q(problem="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.list_import} · {self.row_number}"


class ImportChange(models.Model):
    """What an import did to one person, or to one number of the blocklist: kept for a while, so that it can be undone.

    Every person of the sheet has a row, also one who stayed `unchanged`: undoing an earlier import then knows that
    the person was named again since. `before` and `after` are `{"name": …, "attributes": {key: …}}` with only what
    changed, null for an attribute that was not there; `tags` are those that the import added.
    """

    class Kind(models.TextChoices):
        CREATED = "created", _("New")
        UPDATED = "updated", _("Updated")
        UNCHANGED = "unchanged", _("Unchanged")

    list_import = models.ForeignKey(ListImport, on_delete=models.CASCADE, related_name="changes")
    contact = models.ForeignKey(
        Contact, on_delete=models.CASCADE, null=True, blank=True, related_name="import_changes"
    )
    blocklist_entry = models.ForeignKey(
        BlocklistEntry, on_delete=models.CASCADE, null=True, blank=True, related_name="import_changes"
    )
    kind = models.CharField(_("what happened"), max_length=9, choices=Kind.choices)
    is_listed = models.BooleanField(_("new on the list"), default=False)
    before = models.JSONField(_("before"), null=True, blank=True)
    after = models.JSONField(_("after"), null=True, blank=True)
    tags: ArrayField = ArrayField(models.CharField(max_length=50), verbose_name=_("new tags"), null=True, blank=True)

    class Meta:
        verbose_name = _("change by an import")
        verbose_name_plural = _("changes by imports")

    def __str__(self) -> str:
        return f"{self.list_import} · {self.contact or self.blocklist_entry}"
