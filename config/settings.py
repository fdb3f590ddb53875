"""The one settings file. Every variable is explained in `.env.example`."""

from contextlib import suppress
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import django_stubs_ext

from access.scopes import SCOPES
from common.networks import parse_networks
from config.env import env, read_dotenv, secret
from config.secret_files import (
    OIDC_KEY_FILE,
    SECRET_KEY_FILE,
    new_rsa_key,
    new_secret_key,
    read_or_create,
    split_pem,
)

# Lets Django's classes be subscripted (`QuerySet[Order]`) as the type checker knows them.
django_stubs_ext.monkeypatch()

BASE_DIR = Path(__file__).resolve().parent.parent
read_dotenv(BASE_DIR / ".env")

DEBUG = env.bool("DEBUG", default=False)
# What this installation keeps on its own disk: the embedded database and, in
# development, the secrets it made for itself.
STATE_DIR = Path(env.str("STATE_DIR", default=str(BASE_DIR / "var")))

# --- Secrets: made once in development, demanded in production -----------------------

SECRET_KEY = secret(
    "SECRET_KEY",
    default=read_or_create(STATE_DIR / SECRET_KEY_FILE, new_secret_key) if DEBUG else None,
)
# The keys of before, by which what they signed, and erased opt-outs, are still known.
SECRET_KEY_FALLBACKS = secret("SECRET_KEY_FALLBACKS", default="").split()
OIDC_RSA_PRIVATE_KEY = secret(
    "OIDC_RSA_PRIVATE_KEY",
    default=read_or_create(STATE_DIR / OIDC_KEY_FILE, new_rsa_key) if DEBUG else None,
).replace("\\n", "\n")

# --- Addresses -----------------------------------------------------------------------

PUBLIC_URL = env.str("PUBLIC_URL", default="http://127.0.0.1:8000").rstrip("/")
HTTPS = PUBLIC_URL.startswith("https://")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"] if DEBUG else [])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[PUBLIC_URL])
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
# API paths answer with and without the slash themselves; a redirect would lose a POST body.
APPEND_SLASH = False

# Requests that one web process answers at a time; each has a connection to the database.
WEB_THREADS = env.int("WEB_THREADS", default=2)

# --- Apps ----------------------------------------------------------------------------

INSTALLED_APPS = [
    "access",
    "common",
    "customers",
    "mappings",
    "items",
    "orders",
    "outbox",
    "notifications",
    "imports",
    "simulators",
    "common.admin_site.AdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework_api_key",
    "django_filters",
    "oauth2_provider",
    "axes",
    "csp",
    "mozilla_django_oidc",
    "drf_yasg",
]

MIDDLEWARE = [
    "common.request_id.RequestIdMiddleware",
    # Before anything that asks for the host: a load balancer's check knows only an address.
    "common.health.HealthMiddleware",
    # Times everything that is below it.
    "common.metrics.MetricsMiddleware",
    # Before anything that asks whether the request came over HTTPS.
    "common.client_ip.ForwardedProtoMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
    # Before anything that decodes or reads what the client sent.
    "common.intake.IntakeMiddleware",
    # What comes after it is for pages.
    "common.shortcut.ShortcutMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    # Last: it answers for the views above it once a login is locked.
    "axes.middleware.AxesMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "access.sso.offered",
            ],
        },
    },
]

# --- Data ----------------------------------------------------------------------------


def postgres_url_from_parts() -> str:
    """The address that Savannah's POSTGRES_* variables spell, or "" without them."""
    if not (host := env.str("POSTGRES_HOST", default="")):
        return ""
    user = quote(env.str("POSTGRES_USER", default="postgres"), safe="")
    password = quote(secret("POSTGRES_PASSWORD", default=""), safe="")
    port = env.int("POSTGRES_PORT", default=5432)
    name = quote(env.str("POSTGRES_DB", default="klanten"), safe="")
    return f"postgres://{user}:{password}@{host}:{port}/{name}"


DATABASE_URL = secret(
    "DATABASE_URL",
    default=postgres_url_from_parts() or f"sqlite:///{STATE_DIR / 'klanten.sqlite3'}",
)
DATABASES = {"default": env.db_url_config(DATABASE_URL)}
# A new connection for each request costs a factor of six in throughput.
DATABASES["default"]["CONN_MAX_AGE"] = None
# The longest that a statement of a web process may take, and any process may wait for a lock.
STATEMENT_TIMEOUT_SECONDS = env.int("STATEMENT_TIMEOUT_SECONDS", default=10)
LOCK_TIMEOUT_SECONDS = 5
# Whether a pooler gives each transaction another connection, as PgBouncer can.
POOLED = env.bool("POOLED", default=False)
PREPARED_STATEMENTS = env.bool("PREPARED_STATEMENTS", default=True)
if "postgresql" in DATABASES["default"]["ENGINE"]:
    DATABASES["default"] |= {
        "ENGINE": "common.postgresql",
        # Milliseconds. A network that swallows packets: what is not acknowledged was not received.
        "OPTIONS": {"tcp_user_timeout": 20_000},
    }
if "sqlite" in DATABASES["default"]["ENGINE"]:
    with suppress(OSError):
        # Without it no request can be answered but by 503; that is no reason not to start.
        STATE_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    DATABASES["default"]["OPTIONS"] = {
        # A transaction that starts by reading and then writes cannot wait for its turn;
        # it dies with "database is locked". IMMEDIATE waits at BEGIN instead.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL;",
    }
    # A file, so that the tests can start workers in processes of their own.
    DATABASES["default"]["TEST"] = {"NAME": str(STATE_DIR / "test.sqlite3")}

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_USER_MODEL = "access.User"

# --- Who gets in ---------------------------------------------------------------------

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "home"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
    # For generated client secrets alone; Django hashes passwords with the first.
    "access.hashers.GeneratedSecretHasher",
]
# Which proxies are believed about the client's address, and whether it uses HTTPS: networks (CIDR).
TRUSTED_PROXIES = env("TRUSTED_PROXIES", parse_networks, ())
# How often one address may fail with a secret of one kind, and how often it may register.
LOGIN_RATE = env.str("LOGIN_RATE", default="30/min")
# Keys, tokens, codes and client secrets may be wrong so many times as often.
LOGIN_RATE_KEY_FACTOR = env.int("LOGIN_RATE_KEY_FACTOR", default=4)
# After so many failures a user name is locked for the address that failed.
AXES_FAILURE_LIMIT = env.int("LOGIN_FAILURE_LIMIT", default=10)
# And after so many from all addresses, for those from which it has never logged in.
LOGIN_NAME_FAILURE_LIMIT = env.int("LOGIN_NAME_FAILURE_LIMIT", default=50)
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_HTTP_RESPONSE_CODE = 429
AXES_LOCKOUT_CALLABLE = "access.login.locked_page"
AXES_CLIENT_IP_CALLABLE = "common.client_ip.network_of"
AXES_SENSITIVE_PARAMETERS = ["username", "password"]
AXES_VERBOSE = False

AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]

# --- Other providers -----------------------------------------------------------------

# JWTs of these are taken as bearer tokens. A JSON array of objects with `issuer` and
# `audience`, and if need be `username_claim`, `scope_claim`, `jwks_uri`.
OIDC_TRUSTED_ISSUERS = env.json("OIDC_TRUSTED_ISSUERS", default=[])

# Staff sign in to the admin through this one; the names are Savannah's.
OIDC_RP_CLIENT_ID = env.str("OIDC_RP_CLIENT_ID", default="")
if OIDC_RP_CLIENT_ID:
    OIDC_RP_CLIENT_SECRET = secret("OIDC_RP_CLIENT_SECRET")
    OIDC_OP_AUTHORIZATION_ENDPOINT = env.str("OIDC_OP_AUTHORIZATION_ENDPOINT")
    OIDC_OP_TOKEN_ENDPOINT = env.str("OIDC_OP_TOKEN_ENDPOINT")
    OIDC_OP_USER_ENDPOINT = env.str("OIDC_OP_USER_ENDPOINT")
    OIDC_OP_JWKS_ENDPOINT = env.str("OIDC_OP_JWKS_ENDPOINT", default=None)
    AUTHENTICATION_BACKENDS.append("access.sso.StaffBackend")
OIDC_RP_SCOPES = env.str("OIDC_RP_SCOPES", default="openid profile email")
OIDC_RP_SIGN_ALGO = env.str("OIDC_RP_SIGN_ALGO", default="RS256")
# What the button says: "Sign in with ...".
OIDC_RP_NAME = env.str("OIDC_RP_NAME", default="single sign-on")
# Their groups (a claim) to ours; whoever is in one of them is staff.
OIDC_RP_GROUPS_CLAIM = env.str("OIDC_RP_GROUPS_CLAIM", default="groups")
OIDC_RP_GROUPS = env.json("OIDC_RP_GROUPS", default={})
OIDC_USE_PKCE = True
OIDC_TIMEOUT = 10
OIDC_CALLBACK_CLASS = "access.sso.SignOnCallback"
LOGIN_REDIRECT_URL_FAILURE = "/admin/login/?sso=failed"

# --- Our own provider ----------------------------------------------------------------

OAUTH2_PROVIDER_APPLICATION_MODEL = "access.Application"
# How long a checked credential is believed without asking the database again: the longest
# time that a revoked key goes on working. Seconds; 0 asks every time.
AUTH_CACHE_SECONDS = env.float("AUTH_CACHE_SECONDS", default=5.0)

# How long a refresh token that was used gets the same answer again, for a client that did not
# receive the first. Seconds; 0 is never.
REFRESH_GRACE_SECONDS = env.int("REFRESH_GRACE_SECONDS", default=10)

OAUTH2_PROVIDER: dict[str, Any] = {
    "OIDC_ENABLED": True,
    "OIDC_RSA_PRIVATE_KEY": OIDC_RSA_PRIVATE_KEY,
    # Verified with, not signed with: the keys of before the last rotation.
    "OIDC_RSA_PRIVATE_KEYS_INACTIVE": split_pem(secret("OIDC_RSA_PRIVATE_KEYS_INACTIVE", "")),
    "OIDC_RP_INITIATED_LOGOUT_ENABLED": True,
    # Without the prompt, any page could log somebody out by a link.
    "OIDC_RP_INITIATED_LOGOUT_ALWAYS_PROMPT": True,
    "OIDC_RESPONSE_TYPES_SUPPORTED": ["code"],
    "CLIENT_SECRET_HASHER": "generated_secret",
    "OAUTH_DEVICE_VERIFICATION_URI": f"{PUBLIC_URL}/o/device/",
    "SCOPES_BACKEND_CLASS": "access.oauth.Scopes",
    # Without it the issuer would be whatever the Host header says.
    "OIDC_ISS_ENDPOINT": f"{PUBLIC_URL}/o",
    # And so would be the name of what the tokens are for (RFC 9728).
    "OAUTH2_PROTECTED_RESOURCE_IDENTIFIER": PUBLIC_URL,
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    "ID_TOKEN_EXPIRE_SECONDS": 3600,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 14 * 24 * 3600,
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "ACCESS_TOKEN_GENERATOR": "access.oauth.new_access_token",
    "REFRESH_TOKEN_GENERATOR": "access.oauth.new_refresh_token",
    "OAUTH2_VALIDATOR_CLASS": "access.oauth.Validator",
    # Plain http only where Klanten itself is reached by it: on a developer's machine.
    "ALLOWED_REDIRECT_URI_SCHEMES": ["https", *([] if HTTPS else ["http"])],
    "COMPLIANT_BCP_RFC9700_REDIRECT_URI_SCHEME": HTTPS,
    # Every other recommendation of RFC 9700 that the toolkit can enforce.
    **{
        f"COMPLIANT_BCP_RFC9700_{gate}": True
        for gate in (
            "IMPLICIT_GRANT",
            "PASSWORD_GRANT",
            "PKCE_METHOD",
            "ACCESS_TOKEN_TRANSPORT",
            "AUTHZ_RESPONSE_ISS",
            "TOKEN_STORAGE",
            "REFRESH_TOKEN",
            "REDIRECT_URI_MATCHING",
            "PKCE_REQUIRED",
        )
    },
}

# Only TRUSTED_PROXIES are believed: common.client_ip.ForwardedProtoMiddleware.
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_SSL_REDIRECT = HTTPS
# The balancer asks for these over plain HTTP, inside its network.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SESSION_COOKIE_SECURE = HTTPS
CSRF_COOKIE_SECURE = HTTPS
# The prefix makes browsers refuse such a cookie from a neighbouring host or over plain HTTP.
SESSION_COOKIE_NAME = "__Host-sessionid" if HTTPS else "sessionid"
CSRF_COOKIE_NAME = "__Host-csrftoken" if HTTPS else "csrftoken"
# A login at the pages ends after so many hours, used or not.
SESSION_COOKIE_AGE = env.int("SESSION_HOURS", default=12) * 3600

# What our pages may load and do: their own files, nothing inline, nothing from elsewhere.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    },
}

CACHES = {
    "default": env.cache_url_config(CACHE_URL)
    if (CACHE_URL := secret("CACHE_URL", default=""))
    else {
        "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}
if CACHES["default"]["BACKEND"] == "django.core.cache.backends.redis.RedisCache":
    # The same, but it may be away.
    CACHES["default"]["BACKEND"] = "common.cache.ForgivingRedisCache"
# Requests per minute and principal; a key of the class "high" has so many times as much.
RATE_LIMITS = {
    "read": env.int("RATE_LIMIT_READ", default=12_000),
    "write": env.int("RATE_LIMIT_WRITE", default=6_000),
    "bulk": env.int("RATE_LIMIT_BULK", default=60),
}
RATE_LIMIT_HIGH_FACTOR = env.int("RATE_LIMIT_HIGH_FACTOR", default=100)
# How many POSTs with an Idempotency-Key are remembered of one principal: some 1 kB each.
IDEMPOTENCY_RECORDS_PER_PRINCIPAL = env.int("IDEMPOTENCY_RECORDS_PER_PRINCIPAL", default=1_000_000)
# Bytes of a body; a bulk upload streams its file and is not held to it.
DATA_UPLOAD_MAX_MEMORY_SIZE = env.int("MAX_BODY_BYTES", default=2_500_000)
# The same for whoever has shown no credential, and where none is asked for.
MAX_OPEN_BODY_BYTES = 64 * 1024
# Fields of a form, parts of a multipart body, parameters of a query; and files in it.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 1
# Files are refused but by views that ask for one.
FILE_UPLOAD_HANDLERS = ["common.uploads.FormReader"]

# Where an uploaded file lies until it is stored; the system's directory for such if not given.
FILE_UPLOAD_TEMP_DIR = env.str("UPLOAD_DIR", default="") or None
# Bytes of the request with which a file is handed in.
MAX_UPLOAD_BYTES = env.int("MAX_UPLOAD_BYTES", default=1_100_000_000)

# --- The wire ------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "access.authentication.ApiKeyAuthentication",
        "access.authentication.BearerAuthentication",
        "access.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["access.permissions.MayAccess"],
    "DEFAULT_PARSER_CLASSES": [
        "common.parsers.JSONParser",
        "common.parsers.FormParser",
        "common.parsers.MultiPartParser",
    ],
    "DEFAULT_RENDERER_CLASSES": ["common.rendering.JSONRenderer"],
    "DEFAULT_PAGINATION_CLASS": "common.pagination.KeysetPagination",
    "DEFAULT_FILTER_BACKENDS": ["common.filters.StrictFilterBackend"],
    "EXCEPTION_HANDLER": "common.errors.problem_response",
    "DEFAULT_SCHEMA_CLASS": "common.documents.openapi.OpenApiSchema",
    "URL_FORMAT_OVERRIDE": None,
    "DATETIME_FORMAT": "iso-8601",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SWAGGER_USE_COMPAT_RENDERERS = False
SWAGGER_SETTINGS = {
    "DEFAULT_INFO": "config.api.INFO",
    "DEFAULT_AUTO_SCHEMA_CLASS": "common.documents.swagger.SwaggerSchema",
    "SECURITY_DEFINITIONS": {
        "API key": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Api-Key <key>`: the word, a space, and the key.",
        },
        "Bearer": {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "`Bearer <token>`: an access token from `/o/token/`.",
        },
    },
    "LOGIN_URL": "/admin/login/",
    "LOGOUT_URL": "/admin/logout/",
    "PERSIST_AUTH": True,
    "DEFAULT_MODEL_RENDERING": "example",
}
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/v1",
    # The base path stands in `servers`, as it does in Swagger's `basePath`.
    "SCHEMA_PATH_PREFIX_TRIM": True,
    "SERVERS": [{"url": "/v1"}],
    # What is sent has no read-only members, and what is answered has all of them.
    "COMPONENT_SPLIT_REQUEST": True,
    # Enums stay where they are used: no clashes of their names.
    "POSTPROCESSING_HOOKS": [],
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "APPEND_COMPONENTS": {
        "securitySchemes": {
            "ApiKey": {
                "type": "apiKey",
                "in": "header",
                "name": "Authorization",
                "description": "`Api-Key <key>`: the word, a space, and the key.",
            },
            "Bearer": {
                "type": "http",
                "scheme": "bearer",
                "description": "An access token of ours, or a JWT of a trusted issuer.",
            },
            "OAuth2": {
                "type": "oauth2",
                "flows": {
                    "clientCredentials": {"tokenUrl": "/o/token/", "scopes": SCOPES},
                    "authorizationCode": {
                        "authorizationUrl": "/o/authorize/",
                        "tokenUrl": "/o/token/",
                        "refreshUrl": "/o/token/",
                        "scopes": SCOPES,
                    },
                },
            },
        },
    },
}

# --- Messages ------------------------------------------------------------------------

PHONE_DEFAULT_REGION = env.str("PHONE_DEFAULT_REGION", default="KE")
DEFAULT_CURRENCY = env.str("DEFAULT_CURRENCY", default="KES")
# Whether customers, with their own login, may order free text at a price that they say.
CUSTOMERS_MAY_PRICE = env.bool("CUSTOMERS_MAY_PRICE", default=False)

SMS_GATEWAY = env.str("SMS_GATEWAY", default="console")
AFRICAS_TALKING_API_KEY = secret("AFRICAS_TALKING_API_KEY", default="")
AFRICAS_TALKING_USERNAME = env.str("AFRICAS_TALKING_USERNAME", default="sandbox")
AFRICAS_TALKING_SANDBOX = env.bool("AFRICAS_TALKING_SANDBOX", default=False)
AFRICAS_TALKING_URL = env.str("AFRICAS_TALKING_URL", default="").rstrip("/")
AFRICAS_TALKING_SENDER_ID = env.str("AFRICAS_TALKING_SENDER_ID", default="")
# Part of the address at which the service calls us; without one those addresses are not there.
AFRICAS_TALKING_CALLBACK_SECRET = secret("AFRICAS_TALKING_CALLBACK_SECRET", default="")
# Takes what the first certainly did not send.
SMS_FALLBACK_GATEWAY = env.str("SMS_FALLBACK_GATEWAY", default="")

# What customers are written to in, and when their night and our day begin, if they do not say.
DEFAULT_LANGUAGE = env.str("DEFAULT_LANGUAGE", default="en")
DEFAULT_TIME_ZONE = env.str("DEFAULT_TIME_ZONE", default="Africa/Nairobi")
# "21:00-08:00", in the customer's zone; empty is never. 0 is no cap and no limit.
QUIET_HOURS = env.str("QUIET_HOURS", default="")
SMS_CAP_PER_CUSTOMER_PER_DAY = env.int("SMS_CAP_PER_CUSTOMER_PER_DAY", default=0)
SMS_CAP_PER_PARTNER_PER_DAY = env.int("SMS_CAP_PER_PARTNER_PER_DAY", default=0)
# In the gateway's currency. The reserve is the share that only essential messages may use.
SMS_DAILY_SPEND_LIMIT = env("SMS_DAILY_SPEND_LIMIT", Decimal, Decimal())
SMS_SPEND_RESERVE_PERCENT = env.int("SMS_SPEND_RESERVE_PERCENT", default=20)
# What becomes of a message whose outcome is unknown for so long: resend, sent or failed; with 0
# it waits for a report or for staff.
UNKNOWN_AFTER_HOURS = env.int("UNKNOWN_AFTER_HOURS", default=0)
UNKNOWN_POLICY = env.str("UNKNOWN_POLICY", default="failed")
# Texts older than this are blanked, their rows stay; 0 keeps them.
MESSAGE_RETENTION_DAYS = env.int("MESSAGE_RETENTION_DAYS", default=0)

DELIVERY_LEASE_SECONDS = env.float("DELIVERY_LEASE_SECONDS", default=60.0)
DELIVERY_BACKOFF_SECONDS = env.float("DELIVERY_BACKOFF_SECONDS", default=10.0)
DELIVERY_MAX_ATTEMPTS = env.int("DELIVERY_MAX_ATTEMPTS", default=10)
DELIVERY_POLL_SECONDS = env.float("DELIVERY_POLL_SECONDS", default=0.5)
# Towards one service, from all workers together; 0 is no limit.
DELIVERY_RATE_PER_SECOND = env.float("DELIVERY_RATE_PER_SECOND", default=0.0)
DELIVERY_BREAKER_FAILURES = env.int("DELIVERY_BREAKER_FAILURES", default=20)
DELIVERY_BREAKER_SECONDS = env.float("DELIVERY_BREAKER_SECONDS", default=10.0)
# With a broker, Celery workers deliver as well; config/celery.py has what else it is told.
CELERY_BROKER_URL = secret("CELERY_BROKER_URL", default="")
CELERY_APPLICATION = "config.celery.app"
CELERY_QUEUE = env.str("CELERY_QUEUE", default="klanten")

# --- Watching and keeping house -------------------------------------------------------

# Who may see /metrics: whoever has the token, or comes straight from one of the networks.
METRICS_TOKEN = secret("METRICS_TOKEN", default="")
METRICS_ALLOWED_NETWORKS = env(
    "METRICS_ALLOWED_NETWORKS", parse_networks, parse_networks("127.0.0.0/8 ::1") if DEBUG else ()
)
# Where the processes of a web server count together.
METRICS_DIR = Path(env.str("METRICS_DIR", default=str(STATE_DIR / "metrics")))
# /readyz warns when something has been due for longer.
READY_WARN_AFTER_SECONDS = env.float("READY_WARN_AFTER_SECONDS", default=300.0)
# Days after which the record of logins, and of changes made in the admin, goes; 0 keeps it.
LOGIN_LOG_RETENTION_DAYS = env.int("LOGIN_LOG_RETENTION_DAYS", default=90)
HISTORY_RETENTION_DAYS = env.int("HISTORY_RETENTION_DAYS", default=0)

# --- Pages, time, logs ---------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "static"
# Without a collected copy, a file is looked for when it is asked for.
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG
if not DEBUG:
    STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "whitenoise.storage.CompressedStaticFilesStorage"},
    }

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "filters": {"secrets": {"()": "common.logs.MaskSecrets"}},
    "handlers": {
        "console": {
            "class": "common.logs.BackgroundHandler",
            "formatter": "line",
            "filters": ["secrets"],
        }
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    # A gateway that is away is told once by us, not twice more for each message.
    "loggers": {
        "urllib3": {"level": "ERROR"},
        "axes": {"level": "WARNING"},
        # Statements with the values in them, while DEBUG is on.
        "django.db.backends": {"level": "INFO"},
        # The web server's own handler waits for whoever reads the log, and each client that
        # leaves early is a warning to it.
        "_granian": {"handlers": [], "propagate": True, "level": "ERROR"},
        # How many tokens of each kind it has done away with, when there was none.
        "oauth2_provider.models": {"level": "WARNING"},
        # Django's own handlers know nothing of our masks.
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
    },
}
