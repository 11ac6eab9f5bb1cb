from django.core.files.base import ContentFile
from django.http import FileResponse, Http404, JsonResponse
from django.shortcuts import get_object_or_404

from attachments.models import Attachment


def attachments(request):
    """POST: saves the body under ?name=. GET: the numbers of all attachments."""
    if request.method == "POST":
        Attachment().file.save(request.GET["name"], ContentFile(request.body))
    return JsonResponse({"numbers": list(Attachment.objects.values_list("id", flat=True).order_by("id"))})


def attachment(request, number):
    """The file itself."""
    found = get_object_or_404(Attachment, id=number)
    try:
        return FileResponse(found.file.open())
    except FileNotFoundError as missing:
        raise Http404 from missing
