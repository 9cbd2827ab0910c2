from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class WhatsAppAutomationConfig(AppConfig):
    """The composition root."""

    name = "whatsapp_automation"
    verbose_name = _("WhatsApp Automation")

    def ready(self) -> None:
        # Celery's application must exist before the first `task.delay`; the checks register themselves.
        from whatsapp_automation import celery, checks  # noqa: F401
