from django.urls import path

from attachments import views

urlpatterns = [
    path("attachments", views.attachments),
    path("attachments/<int:number>", views.attachment),
]
