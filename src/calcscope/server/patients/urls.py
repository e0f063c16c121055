from django.urls import path

from calcscope.server.patients import staff, views

app_name = "patients"
urlpatterns = [
    path("begin", views.begin, name="begin"),
    path("account", views.account, name="account"),
    path("", views.home, name="home"),
    path("results/<uuid:result_uuid>", views.result, name="result"),
    path("results/<uuid:result_uuid>/letter.pdf", views.letter, name="letter"),
    path("next", views.steps, name="steps"),
    path("next/<uuid:step_uuid>/appointment.ics", views.calendar, name="calendar"),
    path("next/<uuid:step_uuid>/<slug:what>", views.say, name="say"),
    path("questions", views.questions, name="questions"),
    path("record", views.seen, name="seen"),
    path("record/everything.zip", views.everything, name="everything"),
    path("staff/results", staff.results_list, name="staff-results"),
    path("staff/results/<uuid:result_uuid>", staff.preview, name="staff-result"),
    path("staff/results/<uuid:result_uuid>/preview.pdf", staff.preview_letter, name="staff-letter"),
    path("staff/results/<uuid:result_uuid>/<slug:what>", staff.act, name="staff-act"),
    path("staff/passages", staff.passages, name="passages"),
    path("staff/passages/approve", staff.approve, name="approve"),
    path("staff/women/<uuid:woman_uuid>/code", staff.code, name="code"),
    path("staff/messages", staff.messages_list, name="staff-messages"),
    path("staff/messages/<uuid:message_uuid>/answer", staff.answer, name="answer"),
]
