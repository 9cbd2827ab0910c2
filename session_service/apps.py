from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SessionServiceConfig(AppConfig):
    name = "session_service"
    verbose_name = _("Session service")

    def ready(self) -> None:
        from contacts import person
        from session_service.person_part import PART

        person.register(PART)
