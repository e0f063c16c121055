from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "calcscope.server.audit"
    label = "audit"
