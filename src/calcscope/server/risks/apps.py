from django.apps import AppConfig


class RisksConfig(AppConfig):
    name = "calcscope.server.risks"
    label = "risks"
