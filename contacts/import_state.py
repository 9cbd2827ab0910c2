"""What the API and the pages tell about an import."""

from typing import Any

from contacts import imports
from contacts.models import ListImport

FIGURES = ("blank_rows", "created", "updated", "unchanged", "merged", "invalid", "blocked", "listed")
Status = ListImport.Status


def state_of(list_import: ListImport) -> dict[str, Any]:
    """Figures and where the import stands: `rows_read` of `rows` moves while it is read, `people_written` of `people`
    while it is written. An import that failed says why in `error`; one that is undone or about to be, in `undo`."""
    done, of = imports.how_far(list_import)
    is_reading, is_importing = list_import.status == Status.READING, list_import.status == Status.IMPORTING
    people = list_import.created + list_import.updated + list_import.unchanged
    state: dict[str, Any] = {
        "id": list_import.pk,
        "status": list_import.status,
        "file_name": list_import.file_name,
        "purpose": list_import.purpose,
        "rows": of if is_reading else list_import.rows,
        "rows_read": done if is_reading else list_import.rows_read,
        "people": people,
        "people_written": people if list_import.status == Status.DONE else done if is_importing else 0,
        **{figure: getattr(list_import, figure) for figure in FIGURES},
    }
    if list_import.error:
        state["error"] = list_import.error
    if undo := undo_state(list_import):
        state["undo"] = undo
    return state


def undo_state(list_import: ListImport) -> dict[str, Any]:
    """`status` is undoing, undone or failed; empty where nobody asked for it."""
    if list_import.undone_at is not None:
        return {"status": "undone", "at": list_import.undone_at, **list_import.undo_result}
    if list_import.undo_asked_at is not None:
        return {"status": "undoing"}
    return {"status": "failed", **list_import.undo_result} if list_import.undo_result else {}
