from django.urls import path

from calcscope.server.sources import views

app_name = "sources"
urlpatterns = [path("", views.archive, name="archive")]
