"""Settings of the process that performs a rehearsal: the same database, and nothing else of the outside world.

What the product tells open pages, mails, caches or hands to tasks while it plays concerns nobody.
"""

from whatsapp_automation.settings import *  # noqa: F403

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
CELERY_BROKER_URL = "memory://"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
