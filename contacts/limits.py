"""How large a sheet may be, and what is said of one that is larger."""

from typing import Final

from django.conf import settings
from django.contrib.humanize.templatetags.humanize import intcomma
from django.utils.translation import gettext as _

MOST_COLUMNS: Final = 200
LONGEST_CELL: Final = 131_072  # signs; Excel itself takes 32,767


def too_far(name: str, row: int, column: int) -> str:
    """The complaint about a cell outside of what is read, counted from 1."""
    if column <= MOST_COLUMNS and row > settings.UPLOAD_MAX_ROWS + 1:
        return _("“%(name)s” has %(rows)s rows; at most %(most)s can be read. Split the list into several files.") % {
            "name": name,
            "rows": intcomma(row - 1),
            "most": intcomma(settings.UPLOAD_MAX_ROWS),
        }
    return _(
        "“%(name)s” has cells as far out as %(cell)s; a list may have %(columns)s columns. In Excel press Ctrl+End "
        "to find them, delete the columns and rows outside of the list, save, and upload it again."
    ) % {"name": name, "cell": f"{letter(column - 1)}{row}", "columns": MOST_COLUMNS}


def letter(index: int) -> str:
    """What Excel calls the column at `index` (0 is A)."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
