from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class SendersConfig(AppConfig):
    name = "senders"
    verbose_name = _("Senders")

    def ready(self) -> None:
        from contacts import person
        from senders.person_part import PART

        person.register(PART)
