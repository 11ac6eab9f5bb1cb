from django.urls import path

from guestbook import views

urlpatterns = [
    path("", views.home),
    path("upload", views.upload),
    path("media/<str:name>", views.media),
    path("psql", views.psql),
    path("slow", views.slow),
]
