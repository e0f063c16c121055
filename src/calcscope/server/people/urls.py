from django.contrib.auth import views as auth_views
from django.urls import path
from django.views.i18n import set_language

from calcscope.server.people import views

app_name = "people"
urlpatterns = [
    path("sign-in", views.SignIn.as_view(), name="sign-in"),
    path("sign-out", auth_views.LogoutView.as_view(), name="sign-out"),
    path("code", views.code, name="code"),
    path("second-factor", views.enrol, name="enrol"),
    path("language", set_language, name="language"),
]
