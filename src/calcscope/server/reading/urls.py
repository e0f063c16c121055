from django.urls import path

from calcscope.server.reading import views

app_name = "reading"
urlpatterns = [
    path("<uuid:exam_uuid>/read", views.read, name="read"),
    path("<uuid:exam_uuid>/draft", views.draft, name="draft"),
    path("<uuid:exam_uuid>/preview", views.preview, name="preview"),
    path("<uuid:exam_uuid>/sign", views.sign_exam, name="sign"),
    path("<uuid:exam_uuid>/release", views.release_exam, name="release"),
    path("<uuid:exam_uuid>/mode", views.mode, name="mode"),
    path("outcomes", views.statistics, name="statistics"),
    path("versions/<uuid:version_uuid>", views.version, name="version"),
]
