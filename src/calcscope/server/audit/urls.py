from django.urls import path

from calcscope.server.audit import views

app_name = "audit"
urlpatterns = [path("", views.search, name="search")]
