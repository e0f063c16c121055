from django.urls import include, path

from calcscope.server import views

handler400 = "calcscope.server.views.bad_request"
handler403 = "calcscope.server.views.forbidden"
handler404 = "calcscope.server.views.not_found"
handler500 = "calcscope.server.views.broken"

urlpatterns = [
    path("", views.home, name="home"),
    path("health", views.health, name="health"),
    path("metrics", views.metrics, name="metrics"),
    path("account/", include("calcscope.server.people.urls")),
    path("exams/", include("calcscope.server.exams.urls")),
    path("exams/", include("calcscope.server.reading.urls")),
    path("follow-up/", include("calcscope.server.followup.urls")),
    path("archive/", include("calcscope.server.sources.urls")),
    path("objects/", include("calcscope.server.outputs.urls")),
    path("library/", include("calcscope.server.library.urls")),
    path("my/", include("calcscope.server.patients.urls")),
    path("risk/", include("calcscope.server.risks.urls")),
    path("audit/", include("calcscope.server.audit.urls")),
]
