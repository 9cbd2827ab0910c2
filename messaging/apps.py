from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MessagingConfig(AppConfig):
    name = "messaging"
    verbose_name = _("Messaging")

    def ready(self) -> None:
        # Models can be imported only now.
        from contacts import opt_outs, person, timeline, uses
        from messaging import opt_out_rates, segment_fields
        from messaging.contact_uses import MESSAGED
        from messaging.person_part import PART
        from messaging.timeline import MESSAGES

        segment_fields.register_fields()
        timeline.register(MESSAGES)
        opt_outs.follow(opt_out_rates.attribute)
        person.register(PART)
        uses.register(MESSAGED)
