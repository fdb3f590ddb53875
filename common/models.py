"""The base of every model that partners can see."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import DEFAULT_DB_ALIAS, models
from django.utils import timezone
from uuid_utils.compat import uuid7

from common.inserts import insert_row
from common.text import refuse_foreign_digits


def new_id() -> uuid.UUID:
    """A UUIDv7 (RFC 9562): unique without asking anybody, and sorted by time of creation."""
    return uuid7()


def first_id_at(moment: datetime) -> uuid.UUID:
    """The smallest UUIDv7 of a millisecond: ids made at `moment` or later are not smaller."""
    milliseconds = max(0, int(moment.timestamp() * 1000))
    return uuid.UUID(int=(milliseconds << 80) | (0x7 << 76) | (0b10 << 62))


def touched(model: type[models.Model]) -> dict[str, Any]:
    """What an `update()` must set, besides what it is for."""
    names = {each.name for each in model._meta.concrete_fields}
    return {"updated_at": timezone.now()} if "updated_at" in names else {}


class IdField(models.UUIDField[Any, Any]):
    """A UUID. As text it has ASCII digits, wherever it comes from: a path, a cursor, a form."""

    def deconstruct(self) -> tuple[str, str, Sequence[Any], dict[str, Any]]:
        """A plain UUIDField to migrations: the columns are the same."""
        name, _, arguments, options = super().deconstruct()
        return name, "django.db.models.UUIDField", arguments, options

    def to_python(self, value: Any) -> Any:
        refuse_foreign_digits(value, "This is no UUID.")
        return super().to_python(value)


class BaseModel(models.Model):
    """A row with a time-ordered id and its times of creation and of the last change (UTC)."""

    id = IdField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        abstract = True
        # The id carries the time: newest first, without an index of its own.
        ordering = ["-id"]

    def _do_insert(
        self,
        manager: Any,
        using: str | None,
        fields: Sequence[Any],
        returning_fields: Sequence[Any],
        raw: bool,
    ) -> list[Any]:
        """What `save` does to store a new row: by a statement that is put together once.

        A fixture's row (`raw`) is stored as it is.
        """
        if raw or using != DEFAULT_DB_ALIAS:
            return super()._do_insert(manager, using, fields, returning_fields, raw)  # type: ignore[misc, no-any-return]
        insert_row(self)
        return []


class IdempotencyRecord(models.Model):
    """The answer to a POST that carried an Idempotency-Key, committed together with its write.

    So a repetition is exact even after a crash: either both are there, or neither.
    """

    principal = models.CharField(max_length=300)
    key = models.CharField(max_length=255)
    # Of the method, the address and the body: the same key with another request is a mistake.
    fingerprint = models.CharField(max_length=64)
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=bytes)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["principal", "key"], name="idempotency_key_unique")
        ]

    def __str__(self) -> str:
        return f"{self.key} of {self.principal}"


class Chore(models.Model):
    """When a piece of housekeeping was last begun, by whichever process, and last done."""

    name = models.CharField(primary_key=True, max_length=100)
    begun_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name
