"""Django's settings, from :class:`calcscope.server.config.Config`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import dj_database_url
from csp.constants import NONE, SELF

from calcscope.server.config import Config, WrongSetting
from calcscope.server.languages import FOLDER as LANGUAGES_AT
from calcscope.server.languages import SOURCE, available

CONFIG = Config.of()
HERE = Path(__file__).parent

SECRET_KEY = CONFIG.secret_key()
DEBUG = False
ALLOWED_HOSTS = list(CONFIG.hosts)
ROOT_URLCONF = "calcscope.server.urls"
WSGI_APPLICATION = "calcscope.server.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "calcscope.server.people",
    "calcscope.server.audit",
    "calcscope.server.exams",
    "calcscope.server.reading",
    "calcscope.server.followup",
    "calcscope.server.outputs",
    "calcscope.server.sources",
    "calcscope.server.library",
    "calcscope.server.patients",
    "calcscope.server.risks",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_otp",
    "django_otp.plugins.otp_totp",
    "django_otp.plugins.otp_static",
    "axes",
    "csp",
    "django_tasks",
    "django_tasks_db",
    "django_prometheus",
]

MIDDLEWARE = [
    "django_prometheus.middleware.PrometheusBeforeMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "calcscope.server.pages.NotKept",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "calcscope.server.people.middleware.UsedByHand",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "calcscope.server.people.middleware.InItsLanguage",
    "django_otp.middleware.OTPMiddleware",
    "calcscope.server.people.middleware.SignedIn",
    "calcscope.server.pages.WithoutZeros",
    "calcscope.server.pages.InItsRole",
    "calcscope.server.audit.middleware.Audited",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
    "django_prometheus.middleware.PrometheusAfterMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [HERE / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "calcscope.server.people.context.of_page",
            ],
            "builtins": ["calcscope.server.languages.filters"],
        },
    }
]

DATABASES = {"default": dj_database_url.parse(CONFIG.database_url, conn_max_age=60, conn_health_checks=True)}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    # One writer at a time, who takes the lock at once: readers never wait, writers wait rather than fail.
    sqlite: Any = DATABASES["default"].setdefault("OPTIONS", {})
    sqlite.update(
        transaction_mode="IMMEDIATE",
        timeout=20,
        init_command="PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;",
    )

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

# --- who may come in ------------------------------------------------------------------------------------
AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = [
    "axes.backends.AxesStandaloneBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL, LOGIN_REDIRECT_URL, LOGOUT_REDIRECT_URL = "people:sign-in", "home", "people:sign-in"
AXES_FAILURE_LIMIT = 8
AXES_COOLOFF_TIME = 0.25  # hours
# By account, wherever the tries come from: a guesser has many addresses, a whole hospital may have one.
SILENCED_SYSTEM_CHECKS = ["axes.W006"]  # asks to lock addresses
AXES_LOCKOUT_PARAMETERS = ["username"]
AXES_LOCKOUT_TEMPLATE = "people/locked.html"
AXES_RESET_ON_SUCCESS = True
AXES_VERBOSE = False  # its log lines name accounts
AXES_SENSITIVE_PARAMETERS = ["username", "password", "token"]
OTP_TOTP_ISSUER = "Calcscope"

# --- sessions, cookies, headers -------------------------------------------------------------------------
SESSION_COOKIE_AGE = 30 * 60
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = CONFIG.https
SECURE_HSTS_SECONDS = 365 * 24 * 3600 if CONFIG.https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = CONFIG.https
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if CONFIG.https else None
SECURE_REDIRECT_EXEMPT = [r"^health$"]
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "calcscope.server.views.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        # The image decoders of the viewer are WebAssembly, run by workers made from blobs.
        "script-src": [SELF, "'wasm-unsafe-eval'"],
        "worker-src": [SELF, "blob:"],
        "style-src": [SELF, "'unsafe-inline'"],
        "img-src": [SELF, "data:", "blob:"],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

# --- languages, files, mail -----------------------------------------------------------------------------
LANGUAGE_CODE = SOURCE
LANGUAGES = [(each.code, each.name) for each in available().values()]
LOCALE_PATHS = [LANGUAGES_AT]
FORMAT_MODULE_PATH = "calcscope.server.languages"  # a language's formats.py, where it has one
TIME_ZONE, USE_TZ, USE_I18N = CONFIG.time_zone, True, True
STATIC_URL, STATIC_ROOT = "static/", CONFIG.data / "static"
STATICFILES_DIRS = [HERE / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_MANIFEST_STRICT = False
MEDIA_ROOT = CONFIG.data / "files"
FILE_UPLOAD_HANDLERS = [
    "calcscope.server.exams.arriving.RoomFirst",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
FILE_UPLOAD_MAX_MEMORY_SIZE = 2 << 20
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 << 20
DATA_UPLOAD_MAX_NUMBER_FILES = 2000

_mail = urlsplit(CONFIG.email_url)
_BACKENDS = {"console": "console", "memory": "locmem", "file": "filebased", "smtp": "smtp", "smtps": "smtp"}
if _mail.scheme not in _BACKENDS:
    raise WrongSetting(
        f"CALCSCOPE_EMAIL_URL: found scheme {_mail.scheme!r}; expected one of {', '.join(_BACKENDS)}"
    )
EMAIL_BACKEND = f"django.core.mail.backends.{_BACKENDS[_mail.scheme]}.EmailBackend"
EMAIL_FILE_PATH = _mail.path or None
EMAIL_HOST, EMAIL_PORT = _mail.hostname or "localhost", _mail.port or 25
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = unquote(_mail.username or ""), unquote(_mail.password or "")
EMAIL_USE_SSL = _mail.scheme == "smtps"
EMAIL_TIMEOUT = 20

# --- logs: what happened, never to whom -----------------------------------------------------------------
logging.captureWarnings(True)  # libraries warn with the value that they found
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"nobody": {"()": "calcscope.server.logs.NoPatientData"}},
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["nobody"]}},
    "root": {"handlers": ["console"], "level": "INFO"},
    "loggers": {
        "django.server": {"level": "WARNING"},
        "axes": {"level": "ERROR"},
        "pydicom": {"level": "ERROR"},
        "weasyprint": {"level": "ERROR"},
        "fontTools": {"level": "ERROR"},
    },
}
