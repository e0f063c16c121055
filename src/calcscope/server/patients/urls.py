from django.urls.resolvers import URLPattern

app_name = "patients"
urlpatterns: list[URLPattern] = []
