from django.urls import path

from calcscope.server.outputs import views

app_name = "outputs"
urlpatterns = [path("<uuid:version_uuid>/<int:pk>", views.download, name="download")]
