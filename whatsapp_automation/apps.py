import logging
from typing import Any

from django.apps import AppConfig, apps
from django.db import ProgrammingError, transaction
from django.db.models.signals import post_migrate, post_save
from django.utils.translation import gettext_lazy as _

logger = logging.getLogger(__name__)


class WhatsAppAutomationConfig(AppConfig):
    """The composition root."""

    name = "whatsapp_automation"
    verbose_name = _("WhatsApp Automation")

    def ready(self) -> None:
        # Celery's application must exist before the first `task.delay`; the checks register themselves.
        from whatsapp_automation import celery, checks  # noqa: F401

        # Django sends this only for apps with models; those of the schedules are django-celery-beat's.
        post_migrate.connect(install_schedules, sender=apps.get_app_config("django_celery_beat"))
        post_save.connect(install_schedules_of_organization, sender="accounts.Organization")


def install_schedules(**kwargs: Any) -> None:
    from whatsapp_automation import schedules

    try:
        with transaction.atomic():
            schedules.install()
    except ProgrammingError:
        # As after `migrate accounts 0001`: the tables lack what this code knows of.
        logger.warning("The schedules were not installed, because the database is only partly migrated.")


def install_schedules_of_organization(instance: Any, raw: bool = False, **kwargs: Any) -> None:
    """A new organization, or one that moved to another time zone, gets its nightly hour."""
    from whatsapp_automation import schedules

    if not raw:
        schedules.install_for(instance)
