from django.apps import AppConfig


class OutputsConfig(AppConfig):
    name = "calcscope.server.outputs"
    label = "outputs"

    def ready(self) -> None:
        """Listen to what the reading room tells."""
        from calcscope.server.outputs import writing  # noqa: F401
