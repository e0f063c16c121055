from django.apps import AppConfig


class ExamsConfig(AppConfig):
    name = "calcscope.server.exams"
    label = "exams"
