from django.urls import path

from calcscope.server.library import views

app_name = "library"
urlpatterns = [
    path("", views.index, name="index"),
    path("a-z", views.a_to_z, name="a-z"),
    path("questions", views.questions, name="questions"),
    path("search", views.find, name="search"),
    path("hospitals", views.hospitals, name="hospitals"),
    path("articles/<slug:slug>", views.article, name="article"),
]
