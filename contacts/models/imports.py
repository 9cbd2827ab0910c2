"""Uploaded sheets and their rows."""

from django.db import models
from django.utils.timezone import now
from django.utils.translation import gettext_lazy as _

from accounts.models import Organization, OrganizationQuerySet, User
from contacts.models.people import ContactList


class ListImport(models.Model):
    """One uploaded sheet on its way: stored by the web process, read by a task.

    Its people are meant `for_contacts`, or else for whoever made the import, such as a campaign, and stay `ready`.
    `columns` is a list of `{"key", "header", "role"}` in the sheet's order: `key` is the variable's name,
    `role` is "phone", "name" or "". Counts are rows under the header.
    """

    class Status(models.TextChoices):
        READING = "reading", _("Reading")  # the file is stored; a task is reading it or will
        READY = "ready", _("Read")  # every row stands in ImportedRow; nothing else was changed
        IMPORTING = "importing", _("Importing")  # people are being written to contacts
        DONE = "done", _("Imported")
        FAILED = "failed", _("Failed")  # `error` says why; no row of it is used
        CANCELLED = "cancelled", _("Cancelled")

    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="list_imports")
    file = models.FileField(_("file"), upload_to="imports/%Y/%m")
    file_name = models.CharField(_("file name"), max_length=255)
    contact_list = models.ForeignKey(
        ContactList, on_delete=models.SET_NULL, null=True, blank=True, verbose_name=_("into the list")
    )
    for_contacts = models.BooleanField(_("for contacts"), default=False)
    commit_when_read = models.BooleanField(
        _("import at once"), default=False, help_text=_("Write the people to contacts as soon as the file is read.")
    )
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
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(default=now, editable=False)
    finished_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = OrganizationQuerySet.as_manager()

    class Meta:
        verbose_name = _("list import")
        verbose_name_plural = _("list imports")
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["id"], name="imports_to_take_up", condition=models.Q(status__in=["reading", "importing"])
            )
        ]

    def __str__(self) -> str:
        return self.file_name


class ImportedRow(models.Model):
    """One row of an uploaded sheet as it was understood. Of rows with the same number, the last one counts.

    `values` maps variable names to text. A row without a usable number has an empty `phone_number` and a `problem`.
    """

    class Problem(models.TextChoices):
        NONE = "", _("None")
        NO_NUMBER = "no_number", _("The phone cell is empty")
        INVALID_NUMBER = "invalid_number", _("Not a possible mobile number")

    list_import = models.ForeignKey(ListImport, on_delete=models.CASCADE, related_name="imported_rows")
    row_number = models.PositiveIntegerField(_("row in the sheet"))
    phone_number = models.CharField(_("phone number"), max_length=16, blank=True)
    phone_as_written = models.CharField(_("as written"), max_length=100, blank=True)
    values = models.JSONField(_("values"), default=dict)
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
