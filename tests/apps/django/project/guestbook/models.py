from django.db import models


class Note(models.Model):
    """One line of the guest book. The test makes its table with psql, from outside of the application."""

    text = models.TextField()

    class Meta:
        db_table = "note"
