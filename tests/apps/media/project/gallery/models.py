from django.db import models


class Photo(models.Model):
    """A picture of the gallery: the row is in the database, the bytes are wherever the default storage keeps them."""

    title = models.TextField()
    image = models.FileField(upload_to="photos")

    class Meta:
        db_table = "photo"
