from django.urls import path

from calcscope.server.risks import views

app_name = "risks"
urlpatterns = [path("", views.risk, name="risk")]
