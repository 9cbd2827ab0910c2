from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ContactsConfig(AppConfig):
    name = "contacts"
    verbose_name = _("Contacts")

    def ready(self) -> None:
        from contacts import consent, opt_outs, person, timeline, timeline_sources
        from contacts.person_part import PART

        timeline.register(timeline_sources.EVENTS)
        timeline.register(timeline_sources.IMPORTS)
        person.register(PART)
        opt_outs.follow(consent.note_opt_outs)
