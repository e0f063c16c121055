from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "calcscope.server.audit"
    label = "audit"

    def ready(self) -> None:
        """Listen to who comes and goes."""
        from calcscope.server.audit import receivers  # noqa: F401
