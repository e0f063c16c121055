from django.contrib.auth import views as auth_views
from django.urls import path

from calcscope.server.people import accounts, views
from calcscope.server.people.access import with_forms

app_name = "people"
urlpatterns = [
    path("sign-in", with_forms(views.SignIn.as_view()), name="sign-in"),
    path("sign-out", auth_views.LogoutView.as_view(), name="sign-out"),
    path("code", views.code, name="code"),
    path("second-factor", views.enrol, name="enrol"),
    path("password", with_forms(views.ChangePassword.as_view()), name="password"),
    path("accounts", accounts.accounts, name="accounts"),
    path("accounts/<int:number>", accounts.account, name="account"),
    path("accounts/<int:number>/roles", accounts.give_role, name="give-role"),
    path("accounts/<int:number>/roles/<int:membership>/take", accounts.take_role, name="take-role"),
    path("accounts/<int:number>/<slug:what>", accounts.change_account, name="change-account"),
    path("language", views.language, name="language"),
]
