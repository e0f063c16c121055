from django.apps import AppConfig


class ReadingConfig(AppConfig):
    name = "calcscope.server.reading"
    label = "reading"
