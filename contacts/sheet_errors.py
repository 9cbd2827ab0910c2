"""What is said about files that cannot be used."""

from django.utils.translation import gettext as _


class SheetError(ValueError):
    """The sheet cannot be used. The message names the file and says what to do."""


def damaged(name: str) -> str:
    return _("“%(name)s” is damaged and cannot be read. Open it in Excel, save it again and upload the new file.") % {
        "name": name
    }


def protected(name: str) -> str:
    return _(
        "“%(name)s” is protected with a password. In Excel choose File > Info > Protect Workbook, "
        "remove the password, save, and upload it again."
    ) % {"name": name}


def save_as_xlsx(name: str, kind: str) -> str:
    return _("“%(name)s” is %(kind)s. Open it in Excel, choose Save As > Excel Workbook (.xlsx) and upload that.") % {
        "name": name,
        "kind": kind,
    }
