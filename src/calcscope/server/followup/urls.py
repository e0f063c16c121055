from django.urls import path

from calcscope.server.followup import views

app_name = "followup"
urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("steps/<uuid:step_uuid>", views.step, name="step"),
    path("steps/<uuid:step_uuid>/letter", views.letter, name="letter"),
    path("steps/<uuid:step_uuid>/appointment.ics", views.calendar, name="calendar"),
    path("steps/<uuid:step_uuid>/<slug:what>", views.act, name="act"),
]
