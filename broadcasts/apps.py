from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BroadcastsConfig(AppConfig):
    name = "broadcasts"
    verbose_name = _("Broadcasts")

    def ready(self) -> None:
        # Models can be imported only now.
        from broadcasts.contact_uses import ON_A_LIST
        from broadcasts.person_part import PART
        from contacts import person, uses

        person.register(PART)
        uses.register(ON_A_LIST)
