from django.apps import AppConfig


class PatientsConfig(AppConfig):
    name = "calcscope.server.patients"
    label = "patients"

    def ready(self) -> None:
        """Listen to what the other rooms tell."""
        from calcscope.server.patients import receivers  # noqa: F401
