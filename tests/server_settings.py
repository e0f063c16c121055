"""The server's settings, writing into a folder of its own, for the tests."""

import os
import tempfile

os.environ["CALCSCOPE_DATA"] = tempfile.mkdtemp(prefix="calcscope-tests-")
os.environ["CALCSCOPE_EMAIL_URL"] = "memory:"
os.environ.setdefault("CALCSCOPE_DATABASE_URL", f"sqlite:///{os.environ['CALCSCOPE_DATA']}/test.sqlite")

from calcscope.server.settings import *  # noqa: F403
from calcscope.server.settings import MIDDLEWARE, STORAGES

STORAGES = {**STORAGES, "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}}
MIDDLEWARE = [each for each in MIDDLEWARE if "whitenoise" not in each]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # fast: the passwords are no secrets
