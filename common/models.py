"""The base of every model that partners can see."""

import uuid

from django.db import models
from uuid_utils.compat import uuid7


def new_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562): unique without asking anybody, and sorted by time of creation."""
    return uuid7()


class BaseModel(models.Model):
    """A row with a time-ordered id and its times of creation and of the last change (UTC)."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
        # The id carries the time: newest first, without an index of its own.
        ordering = ["-id"]
