from django.apps import AppConfig


class PatientsConfig(AppConfig):
    name = "calcscope.server.patients"
    label = "patients"
