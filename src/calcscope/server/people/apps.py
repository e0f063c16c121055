from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "calcscope.server.people"
    label = "people"
