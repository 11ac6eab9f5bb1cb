from django.urls import path

from gallery import views

urlpatterns = [
    path("photos", views.photos),
    path("photos/<int:number>", views.photo),
]
