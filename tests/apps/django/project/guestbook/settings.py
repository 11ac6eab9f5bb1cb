"""A plain Django project, configured by the environment as on a platform: DATABASE_URL, MEDIA_ROOT, LOG_FILE."""

import os
from pathlib import Path
from urllib.parse import urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "only for tests"
DEBUG = True
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "guestbook.urls"
WSGI_APPLICATION = "guestbook.wsgi.application"
INSTALLED_APPS = ["guestbook"]
MIDDLEWARE = []
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

DATABASE_URL = os.environ["DATABASE_URL"]
_database = urlsplit(DATABASE_URL)
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": _database.path.lstrip("/"),
        "USER": _database.username,
        "PASSWORD": _database.password,
        "HOST": _database.hostname,
        "PORT": _database.port,
    }
}

MEDIA_ROOT = os.environ.get("MEDIA_ROOT", str(BASE_DIR / "media"))
LOG_FILE = os.environ.get("LOG_FILE", str(BASE_DIR / "log" / "app.log"))
os.makedirs(os.path.dirname(LOG_FILE), exist_ok=True)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s %(message)s"}},
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        "file": {"class": "logging.FileHandler", "filename": LOG_FILE, "formatter": "line", "delay": True},
    },
    "loggers": {"guestbook": {"handlers": ["console", "file"], "level": "INFO"}},
}
