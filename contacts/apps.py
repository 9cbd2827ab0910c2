from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ContactsConfig(AppConfig):
    name = "contacts"
    verbose_name = _("Contacts")

    def ready(self) -> None:
        from contacts import timeline, timeline_sources

        timeline.register(timeline_sources.EVENTS)
        timeline.register(timeline_sources.IMPORTS)
