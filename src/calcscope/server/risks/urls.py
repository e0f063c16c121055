from django.urls.resolvers import URLPattern

app_name = "risks"
urlpatterns: list[URLPattern] = []
