"""Django settings. Every knob is an environment variable; `.env.example` lists and explains them all."""

import secrets
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _

from whatsapp_automation import local_servers
from whatsapp_automation.environment import NEW_FERNET_KEY, Environment

BASE_DIR = Path(__file__).resolve().parent.parent
ENVIRONMENT = Environment(BASE_DIR / ".env")
env = ENVIRONMENT

DATA_DIR = env.folder("DATA_DIR", BASE_DIR / ".local")
PORT = env.integer("PORT", 8000, minimum=1, maximum=65535)

# -- Where the servers are. Unset means: the private ones that `make run` and `make test` start. --
DATABASE_URL = env.url("DATABASE_URL", "", ("postgres", "postgresql"))
REDIS_URL = env.url("REDIS_URL", "", ("redis", "rediss", "unix"))
USES_PRIVATE_POSTGRES = not DATABASE_URL
USES_PRIVATE_REDIS = not REDIS_URL
if USES_PRIVATE_REDIS:
    REDIS_URL = local_servers.redis_url(DATA_DIR)
REDIS_BROKER_URL = env.url("REDIS_BROKER_URL", REDIS_URL, ("redis", "rediss", "unix"))
REDIS_CHANNELS_URL = env.url("REDIS_CHANNELS_URL", REDIS_URL, ("redis", "rediss", "unix"))
REDIS_CACHE_URL = env.url("REDIS_CACHE_URL", REDIS_URL, ("redis", "rediss", "unix"))

DATABASES = {
    "default": {
        **(
            local_servers.database_settings(DATA_DIR)
            if USES_PRIVATE_POSTGRES
            else dj_database_url.parse(DATABASE_URL, conn_max_age=60)
        ),
        "CONN_HEALTH_CHECKS": True,
    }
}

# -- Security --
DEBUG = env.flag("DEBUG", False)
BASE_URL = env.url("BASE_URL", f"http://127.0.0.1:{PORT}", ("http", "https")).rstrip("/")
IS_ON_THIS_MACHINE = urlsplit(BASE_URL).hostname in ("127.0.0.1", "localhost", "::1")
SECRET_KEY = env.text("SECRET_KEY", "")
if not SECRET_KEY and IS_ON_THIS_MACHINE:
    SECRET_KEY = local_servers.own_secret(DATA_DIR, "secret_key")  # one machine, one data folder
elif not SECRET_KEY:
    env.complain("SECRET_KEY", "is not set.", "Set it to 50 or more random characters and keep it secret.")
    SECRET_KEY = secrets.token_urlsafe(50)  # this process only; the system check stops every command anyway
SECRET_KEY_FALLBACKS = env.words("SECRET_KEY_FALLBACKS", [])
AUTH_STATE_KEYS = env.fernet_keys("AUTH_STATE_KEYS")
if not AUTH_STATE_KEYS:
    if not IS_ON_THIS_MACHINE and "AUTH_STATE_KEYS" not in {problem.name for problem in env.problems}:
        env.complain("AUTH_STATE_KEYS", "is not set.", NEW_FERNET_KEY)
    AUTH_STATE_KEYS = [local_servers.own_secret(DATA_DIR, "auth_state_key", local_servers.new_fernet_key)]
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", [BASE_URL])
if BASE_URL.startswith("https://"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_HSTS_SECONDS = 30 * 24 * 3600
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_AGE = env.integer("SESSION_COOKIE_AGE", 14 * 24 * 3600, minimum=60)
CONTENT_SECURITY_POLICY = {
    "EXCLUDE_URL_PREFIXES": ["/admin", "/api/docs"],  # their libraries bring inline scripts of their own
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "style-src": ["'self'", "'unsafe-inline'"],
        "connect-src": ["'self'", "ws:", "wss:"],
        "frame-ancestors": ["'none'"],
        "form-action": ["'self'"],
        "object-src": ["'none'"],
    },
}
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

# -- Applications --
INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.humanize",
    "django.forms",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "django_htmx",
    "csp",
    "whatsapp_automation",
    "accounts",
    "contacts",
    "senders",
    "messaging",
    "campaigns",
    "broadcasts",
    "session_service",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.middleware.OrganizationMiddleware",
]
ROOT_URLCONF = "whatsapp_automation.urls"
ASGI_APPLICATION = "whatsapp_automation.asgi.application"
AUTH_USER_MODEL = "accounts.User"
LOGIN_URL = "accounts:login"
LOGIN_REDIRECT_URL = "start"
LOGOUT_REDIRECT_URL = "accounts:login"
CSRF_FAILURE_VIEW = "accounts.pages.csrf_failure"
APPEND_SLASH = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context_processors.organization",
            ],
        },
    },
]

# -- Language and time --
LANGUAGES = [("en", _("English"))]
LANGUAGE_CODE = env.one_of("LANGUAGE_CODE", "en", [code for code, name in LANGUAGES])
LOCALE_PATHS = [BASE_DIR / "whatsapp_automation" / "locale"]
TIME_ZONE = env.time_zone("TIME_ZONE", "UTC")
USE_TZ = True

# -- Files --
STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # serves them from where they lie: there is no collectstatic step to forget
MEDIA_URL = "/media/"
MEDIA_ROOT = DATA_DIR / "media"
STORAGE_BUCKET = env.text("STORAGE_BUCKET", "")
S3_STORAGE = {
    "BACKEND": "storages.backends.s3.S3Storage",
    "OPTIONS": {
        "bucket_name": STORAGE_BUCKET,
        "endpoint_url": env.url("STORAGE_ENDPOINT_URL", "", ("http", "https")) or None,
        "access_key": env.text("STORAGE_ACCESS_KEY", ""),
        "secret_key": env.text("STORAGE_SECRET_KEY", ""),
        "region_name": env.text("STORAGE_REGION", "") or None,
        "file_overwrite": False,
        "querystring_auth": True,
    },
}
STORAGES = {
    "default": S3_STORAGE if STORAGE_BUCKET else {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
UPLOAD_MAX_BYTES = env.integer("UPLOAD_MAX_BYTES", 100 * 1024 * 1024, minimum=1)
UPLOAD_MAX_ROWS = env.integer("UPLOAD_MAX_ROWS", 1_000_000, minimum=1)
IMPORT_UNDO_DAYS = env.integer("IMPORT_UNDO_DAYS", 30, minimum=1)  # how long it is kept what an import changed
IMPORT_WAITS_DAYS = env.integer("IMPORT_WAITS_DAYS", 7, minimum=1)  # for somebody to say that it shall go on
MEDIA_MAX_BYTES = env.integer("MEDIA_MAX_BYTES", 64 * 1024 * 1024, minimum=1)
FFMPEG = env.text("FFMPEG", "ffmpeg")  # a name or a path; converts recordings to voice notes
FETCH_ALLOWED_NETWORKS = env.networks("FETCH_ALLOWED_NETWORKS", [])
# Clicks from there right after a delivery are those of scanners. Meta's own networks, where WhatsApp's servers are.
LINK_BOT_NETWORKS = env.networks(
    "LINK_BOT_NETWORKS",
    [
        *("31.13.24.0/21", "31.13.64.0/18", "66.220.144.0/20", "69.63.176.0/20", "69.171.224.0/19"),
        *("102.132.96.0/20", "103.4.96.0/22", "129.134.0.0/16", "157.240.0.0/16", "173.252.64.0/18"),
        *("179.60.192.0/22", "185.60.216.0/22", "2a03:2880::/32"),
    ],
)
DATA_UPLOAD_MAX_MEMORY_SIZE = 10 * 1024 * 1024

# -- Mail (password reset, invitations) --
EMAIL_HOST = env.text("EMAIL_HOST", "")
EMAIL_PORT = env.integer("EMAIL_PORT", 587, minimum=1, maximum=65535)
EMAIL_HOST_USER = env.text("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = env.text("EMAIL_HOST_PASSWORD", "")
EMAIL_USE_TLS = env.flag("EMAIL_USE_TLS", True)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = env.text("DEFAULT_FROM_EMAIL", "WhatsApp Automation <noreply@localhost>")
EMAIL_FILE_PATH = DATA_DIR / "mail"
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'filebased'}.EmailBackend"

# -- Redis: cache, live updates, task broker --
CACHES = {"default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_CACHE_URL}}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        # redis-py gives up on an idle connection after 5 s unless told otherwise, and a subscription is mostly idle.
        "CONFIG": {"hosts": [{"address": REDIS_CHANNELS_URL, "socket_timeout": None}]},
    }
}
CELERY_BROKER_URL = local_servers.celery_broker_url(REDIS_BROKER_URL)
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "messaging.tasks.remove_unused_media": {"queue": "default"},
    "messaging.tasks.go_on_with_tests": {"queue": "default"},
    "messaging.tasks.count_variants": {"queue": "default"},
    "messaging.tasks.*": {"queue": "control"},
    "session_service.tasks.*": {"queue": "control"},
    "contacts.tasks.*": {"queue": "imports"},
    "campaigns.tasks.run_schedules": {"queue": "control"},  # a large import must never delay a start either
    "campaigns.tasks.count_report*": {"queue": "default"},
    "campaigns.tasks.*": {"queue": "imports"},
    "broadcasts.tasks.*": {"queue": "control"},
}
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 3600}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULER = "whatsapp_automation.beat:Scheduler"
CELERY_BEAT_MAX_LOOP_INTERVAL = 1
DJANGO_CELERY_BEAT_TZ_AWARE = True

# -- Sending --
PLAN_AHEAD_SECONDS = env.number("PLAN_AHEAD_SECONDS", 60, minimum=1)
SESSION_WORKER_CAPACITY = env.integer("SESSION_WORKER_CAPACITY", 1000, minimum=1)
SESSION_LEASE_SECONDS = env.number("SESSION_LEASE_SECONDS", 15, minimum=3)
SESSION_RESTORE_RATE = env.number("SESSION_RESTORE_RATE", 20, minimum=0.1)
SESSION_MOVE_RATE = env.number("SESSION_MOVE_RATE", 2, minimum=0)
SESSION_BALANCE_TOLERANCE = env.number("SESSION_BALANCE_TOLERANCE", 0.1, minimum=0)
SESSION_BACKUP_HOURS = env.number("SESSION_BACKUP_HOURS", 0)
SESSION_BACKUP_KEEP = env.integer("SESSION_BACKUP_KEEP", 7, minimum=1)
SEND_CONCURRENCY = env.integer("SEND_CONCURRENCY", 250, minimum=1)
SEND_RATE_LIMIT = env.number("SEND_RATE_LIMIT", 0)
ACK_TIMEOUT_SECONDS = env.number("ACK_TIMEOUT_SECONDS", 60, minimum=1)
SEND_ATTEMPTS = env.integer("SEND_ATTEMPTS", 3, minimum=1)

# -- WhatsApp with Baileys --
BAILEYS_SESSIONS_A_PROCESS = env.integer("BAILEYS_SESSIONS_A_PROCESS", 150, minimum=1)
WHATSAPP_WEBSOCKET_URL = env.url("WHATSAPP_WEBSOCKET_URL", "", ("ws", "wss"))
WHATSAPP_EMULATOR = env.flag("WHATSAPP_EMULATOR", False)
WHATSAPP_ROOT_KEY = env.hexadecimal("WHATSAPP_ROOT_KEY", size=32)
WHATSAPP_WEB_VERSION = env.version("WHATSAPP_WEB_VERSION")
# Who looks many numbers up is soon banned.
NUMBER_CHECKS_PER_MINUTE = env.integer("NUMBER_CHECKS_PER_MINUTE", 10, minimum=1, maximum=100)
NUMBER_CHECKS_PER_DAY = env.integer("NUMBER_CHECKS_PER_DAY", 300, minimum=1, maximum=10_000)
NUMBER_CHECK_DAYS = env.integer("NUMBER_CHECK_DAYS", 7, minimum=1)

# -- The simulated WhatsApp network --
SIMULATOR_ACK_MS = env.integer("SIMULATOR_ACK_MS", 50)
SIMULATOR_DELIVERED_MS = env.integer("SIMULATOR_DELIVERED_MS", 800)
SIMULATOR_READ_MS = env.integer("SIMULATOR_READ_MS", 2500)
SIMULATOR_READ_RATE = env.rate("SIMULATOR_READ_RATE", 0.8)
SIMULATOR_FAILURE_RATE = env.rate("SIMULATOR_FAILURE_RATE", 0)
SIMULATOR_BAN_RATE = env.rate("SIMULATOR_BAN_RATE", 0)
SIMULATOR_REPLY_RATE = env.rate("SIMULATOR_REPLY_RATE", 0)
SIMULATOR_REPLY_TEXT = env.text("SIMULATOR_REPLY_TEXT", "STOP")
SIMULATOR_KEEPS_MESSAGE_IDS = env.flag("SIMULATOR_KEEPS_MESSAGE_IDS", True)
SIMULATOR_SEED = env.integer("SIMULATOR_SEED", 1)

# -- REST --
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.ApiKeyAuthentication",
        "accounts.authentication.PageSessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.permissions.HasCapability"],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.throttling.ApiKeyThrottle"],
    "DEFAULT_PAGINATION_CLASS": "accounts.pagination.ApiPagination",
    "PAGE_SIZE": 50,
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
API_KEY_REQUESTS_PER_MINUTE = env.integer("API_KEY_REQUESTS_PER_MINUTE", 1200, minimum=1)
SPECTACULAR_SETTINGS = {
    "TITLE": "WhatsApp Automation",
    "DESCRIPTION": "Link senders, run campaigns, send messages. Authenticate with the header X-Api-Key.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    # Fields of one name with other choices elsewhere.
    "ENUM_NAME_OVERRIDES": {
        "AttributeKindEnum": "contacts.models.AttributeKind",
        "MessageKindEnum": "messaging.kinds.Kind",
        "BlockReasonEnum": "contacts.models.BlocklistEntry.Reason",
        "ImportStatusEnum": "contacts.models.ListImport.Status",
        "ScheduleKindEnum": "campaigns.models.Schedule.Kind",
        "StopActionEnum": "campaigns.models.StopAction",
        "BatchPurposeEnum": "messaging.models.Purpose",
        "ImportPurposeEnum": "contacts.models.ListImport.Purpose",
        "BatchStatusEnum": "messaging.models.BatchStatus",
        "ReminderRepeatEnum": "broadcasts.models.Reminder.Repeat",
        "ReminderStateEnum": "broadcasts.models.Reminder.State",
    },
}

# -- Admin --
UNFOLD = {
    "SITE_TITLE": _("WhatsApp Automation"),
    "SITE_HEADER": _("WhatsApp Automation"),
    "SITE_SUBHEADER": _("Administration"),
    "SITE_URL": reverse_lazy("start"),
    "SITE_SYMBOL": "forum",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("images/favicon.svg")}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "STYLES": [lambda request: static("admin.css")],
    "DASHBOARD_CALLBACK": "whatsapp_automation.admin_pages.overview",
    "SIDEBAR": {"navigation": "whatsapp_automation.admin_pages.sidebar"},
    "COLORS": {
        "primary": {
            "50": "oklch(97.5% .018 165)",
            "100": "oklch(94% .04 165)",
            "200": "oklch(88.5% .07 165)",
            "300": "oklch(81% .1 165)",
            "400": "oklch(72% .12 165)",
            "500": "oklch(61% .115 165)",
            "600": "oklch(51.5% .1 165)",
            "700": "oklch(44.5% .088 165)",
            "800": "oklch(38% .074 165)",
            "900": "oklch(32.5% .062 165)",
            "950": "oklch(24% .046 165)",
        }
    },
}

LOG_LEVEL = env.one_of("LOG_LEVEL", "INFO", ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"])
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"plain": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "plain"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
}
SILENCED_SYSTEM_CHECKS: list[str] = []
