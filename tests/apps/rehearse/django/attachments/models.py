from django.db import models


class Attachment(models.Model):
    """The row stays in the database; the file is where MEDIA_ROOT is."""

    file = models.FileField(upload_to="attachments")
