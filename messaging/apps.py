from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MessagingConfig(AppConfig):
    name = "messaging"
    verbose_name = _("Messaging")

    def ready(self) -> None:
        from contacts import timeline
        from messaging import segment_fields  # models can be imported only now
        from messaging.timeline import MESSAGES

        segment_fields.register_fields()
        timeline.register(MESSAGES)
