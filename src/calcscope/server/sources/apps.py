from django.apps import AppConfig


class SourcesConfig(AppConfig):
    name = "calcscope.server.sources"
    label = "sources"
