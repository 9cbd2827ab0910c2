"""What somebody says about the columns of a sheet, instead of what was guessed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from django.utils.translation import gettext as _

from contacts.columns import IGNORE, MANY_TIMES, PLAIN, ROLES, Column, variable_key


class MappingError(ValueError):
    """A mapping does not fit the sheet. The message names the column and says what to do."""


def mapped(columns: Sequence[Column], mapping: Any) -> list[Column]:
    """The columns as somebody wants them. Raises `MappingError`.

    `mapping` is a list of objects, each with `index` (0 is the sheet's first column) or `header`, and with `role`
    (one of `ROLES`) or `key` (the variable's name) or both; or, shorter, an object with headers as names and roles as
    values. Columns that it does not name stay as they were guessed, but for a role that it gives to another one.
    """
    changed: dict[int, Column] = {}
    for entry in _entries(mapping):
        index = _index_of(entry, columns)
        if index in changed:
            raise MappingError(_("The mapping names the column “%(column)s” twice.") % {"column": _name_of(entry)})
        changed[index] = _as_wanted(columns[index], entry)
    given = {column.role for column in changed.values()} - set(MANY_TIMES)
    result = [
        changed.get(index, replace(column, role=PLAIN) if column.role in given else column)
        for index, column in enumerate(columns)
    ]
    _check_once(result)
    return result


def _entries(mapping: Any) -> list[dict[str, Any]]:
    if isinstance(mapping, dict):
        mapping = [{"header": header, "role": role} for header, role in mapping.items()]
    if not isinstance(mapping, list) or not all(isinstance(entry, dict) for entry in mapping):
        raise MappingError(_("The mapping must be a list of objects with “header” or “index”, and “role” or “key”."))
    return mapping


def _name_of(entry: dict[str, Any]) -> str:
    return str(entry.get("header", entry.get("index", "")))[:100]


def _index_of(entry: dict[str, Any], columns: Sequence[Column]) -> int:
    index = entry.get("index")
    if isinstance(index, int) and not isinstance(index, bool) and 0 <= index < len(columns):
        return index
    if index is None and "header" in entry:
        wanted = " ".join(str(entry["header"]).split())
        for matches in (lambda c: c.header == wanted, lambda c: c.key == variable_key(wanted)):
            for found, column in enumerate(columns):
                if matches(column):
                    return found
    raise MappingError(
        _("The mapping names a column “%(column)s” that the sheet does not have. Its columns are: %(columns)s.")
        % {"column": _name_of(entry), "columns": ", ".join(column.header for column in columns if column.header)}
    )


def _as_wanted(column: Column, entry: dict[str, Any]) -> Column:
    role, key = entry.get("role", PLAIN), entry.get("key") or column.key
    if role == "attribute":
        role = PLAIN
    if not isinstance(role, str) or role not in ROLES:
        raise MappingError(
            _("“%(role)s” in the mapping is no role. Choose one of: %(roles)s.")
            % {"role": str(role)[:100], "roles": ", ".join(name for name in ROLES if name)}
        )
    if not variable_key(str(key)):
        raise MappingError(
            _("“%(key)s” in the mapping has no letter or digit. Give the variable another name.")
            % {"key": str(key)[:100]}
        )
    return Column(variable_key(str(key)), column.header, role)


def _check_once(columns: Sequence[Column]) -> None:
    for what, names in (("key", [c.key for c in columns if c.role != IGNORE]), ("role", [c.role for c in columns])):
        for name in names:
            if names.count(name) > 1 and (what == "key" or name not in MANY_TIMES):
                raise MappingError(
                    _("The mapping gives “%(name)s” to two columns. Choose one of them.") % {"name": name}
                )
