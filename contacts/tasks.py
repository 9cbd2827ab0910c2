"""Celery's door to contacts."""

from celery import shared_task
from celery.contrib.django.task import DjangoTask

from contacts import attributes, erasure, import_tidy, imports, merges


@shared_task(base=DjangoTask, ignore_result=True)
def run_import(list_import_id: int) -> None:
    """Reads an uploaded sheet and, where that was asked for, writes its people to contacts."""
    imports.run(list_import_id=list_import_id)


@shared_task(base=DjangoTask, ignore_result=True)
def convert_attribute(definition_id: int) -> None:
    """Rewrites the values of an attribute for the type that somebody chose."""
    attributes.convert(definition_id=definition_id)


@shared_task(base=DjangoTask, ignore_result=True)
def take_up_unfinished() -> None:
    """Beat asks for it: imports and changes of types whose task was lost with its worker are run after all."""
    for list_import_id in imports.unfinished():
        run_import.apply_async((list_import_id,), expires=30)
    for definition_id in attributes.unconverted():
        convert_attribute.apply_async((definition_id,), expires=30)


@shared_task(base=DjangoTask, ignore_result=True)
def forget_old_merges() -> None:
    """Beat asks for it: what it takes to undo merges is kept for a while only."""
    merges.forget_old()


@shared_task(base=DjangoTask, ignore_result=True)
def run_erasure(erasure_id: int) -> None:
    """Erases one person, as far as it goes now."""
    erasure.run(erasure_id=erasure_id)


@shared_task(base=DjangoTask, ignore_result=True)
def go_on_with_erasures() -> None:
    """Beat asks for it: what had to wait is tried again, until nothing is left."""
    for erasure_id in erasure.unfinished():
        run_erasure.apply_async((erasure_id,), expires=30)


@shared_task(base=DjangoTask, ignore_result=True)
def tidy_imports() -> None:
    """Removes what imports leave behind, as soon as it is not needed any more."""
    import_tidy.tidy()
    import_tidy.drop_lost_files()
