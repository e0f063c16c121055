from django.urls import path

from calcscope.server.exams import views

app_name = "exams"
urlpatterns = [
    path("", views.worklist, name="worklist"),
    path("progress", views.progress, name="progress"),
    path("lists/<int:pk>", views.saved_list, name="list"),
    path("bring", views.bring, name="bring"),
    path("uploads/<uuid:upload_uuid>", views.upload, name="upload"),
    path("<uuid:exam_uuid>/again", views.analyse_again, name="again"),
    path("women/<uuid:woman_uuid>", views.woman, name="woman"),
    path("women/<uuid:woman_uuid>/born", views.birth_date, name="woman-born"),
    path("<uuid:exam_uuid>/same-woman", views.same_woman, name="woman-same"),
    path("images/<uuid:image_uuid>.dcm", views.pixels, name="pixels"),
    path("images/<uuid:image_uuid>.jpg", views.preview, name="preview"),
]
