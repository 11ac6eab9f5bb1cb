import logging
import os
import subprocess
import time

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.http import JsonResponse

from guestbook.models import Note

log = logging.getLogger("guestbook")
GREETING = "hello"


def home(request):
    """Writes a row and counts the rows, through the ORM."""
    Note.objects.create(text="visit")
    notes = Note.objects.count()
    log.info("home page with %d notes", notes)
    return JsonResponse({"greeting": GREETING, "notes": notes, "pid": os.getpid()})


def upload(request):
    """Saves the request's body as a file below MEDIA_ROOT, with Django's default storage."""
    name = default_storage.save(request.GET["name"], ContentFile(request.body))
    log.info("saved %s", name)
    return JsonResponse({"path": default_storage.path(name), "bytes": default_storage.size(name), "pid": os.getpid()})


def media(request, name):
    """Says what is stored under a name, as the next request of a visitor would."""
    if not default_storage.exists(name):
        return JsonResponse({"exists": False}, status=404)
    return JsonResponse({"exists": True, "bytes": default_storage.size(name)})


def psql(request):
    """Tries to reach the same database from a program that is not the application."""
    command = 'psql "$DATABASE_URL" -X -t -A -c "select 42"; exit $?'
    result = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False, timeout=20,
                            env={**os.environ, "DATABASE_URL": settings.DATABASE_URL, "PGCONNECT_TIMEOUT": "10"})
    return JsonResponse({"code": result.returncode, "stdout": result.stdout, "stderr": result.stderr})


def slow(request):
    """Takes a second: a request that is under way while the server is asked to stop."""
    time.sleep(1)
    return JsonResponse({"done": True, "notes": Note.objects.count()})
