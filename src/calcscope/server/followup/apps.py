from django.apps import AppConfig


class FollowupConfig(AppConfig):
    name = "calcscope.server.followup"
    label = "followup"

    def ready(self) -> None:
        """Listen to what the other rooms tell."""
        from calcscope.server.followup import receivers  # noqa: F401
