"""The application for a WSGI server: ``calcscope.server.wsgi:application``."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "calcscope.server.settings")
application = get_wsgi_application()
