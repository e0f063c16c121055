from django.apps import AppConfig


class LibraryConfig(AppConfig):
    name = "calcscope.server.library"
    label = "library"
