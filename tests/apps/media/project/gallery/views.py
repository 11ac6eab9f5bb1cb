from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404

from gallery.models import Photo


def photos(request):
    """GET lists the photos; POST takes one as a browser's form sends it (multipart)."""
    if request.method == "POST":
        photo = Photo.objects.create(title=request.POST["title"], image=request.FILES["image"])
        return JsonResponse({"id": photo.id, "name": photo.image.name, "bytes": photo.image.size}, status=201)
    return JsonResponse({"photos": list(Photo.objects.values("id", "title"))})


def photo(request, number):
    """The bytes of a photo, read through the storage; 410 when there is a row but no file any more."""
    found = get_object_or_404(Photo, id=number)
    try:
        with found.image.open() as file:
            return HttpResponse(file.read(), content_type="application/octet-stream")
    except FileNotFoundError:
        return HttpResponse("the file is gone", status=410)
