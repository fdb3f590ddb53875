"""Files of rows that somebody handed in, and how far each of them has come."""

from django.db import models
from django.db.models import Q

from common.models import BaseModel


class Import(BaseModel):
    """A file of rows. How far it is commits together with what its rows have become.

    `mode`: with `all`, nothing is kept unless every row is good.
    """

    class Resource(models.TextChoices):
        CUSTOMERS = "customers"
        MAPPINGS = "mappings"
        ITEMS = "items"
        ORDERS = "orders"

    class Mode(models.TextChoices):
        ALL = "all", "refuse all on an error"
        GOOD = "good", "keep what is good"

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"

    # What became of the rows.
    COUNTS = ("rows", "created", "updated", "unchanged", "refused")
    OPEN = (State.QUEUED, State.RUNNING)

    resource = models.CharField(max_length=10, choices=Resource)
    mode = models.CharField(max_length=4, choices=Mode, default=Mode.GOOD)
    dry_run = models.BooleanField(default=False, help_text="Check everything, store nothing.")
    notify = models.BooleanField(default=True, help_text="New orders send their SMS.")
    # str(Principal), as in the idempotency records.
    principal = models.CharField(max_length=300, editable=False)
    file_name = models.CharField(max_length=255)
    size = models.BigIntegerField(help_text="Bytes.")
    # False: a command reads it from its disk; the worker leaves it alone.
    stored = models.BooleanField(default=True)

    state = models.CharField(max_length=7, choices=State, default=State.QUEUED)
    # With `all`: the first of two passes, which stores nothing, is over.
    checked = models.BooleanField(default=False)
    # Where the next row begins: bytes, and the number of its line.
    offset = models.BigIntegerField(default=0)
    line = models.PositiveBigIntegerField(default=1)
    rows = models.PositiveBigIntegerField(default=0)
    created = models.PositiveBigIntegerField(default=0)
    updated = models.PositiveBigIntegerField(default=0)
    unchanged = models.PositiveBigIntegerField(default=0)
    refused = models.PositiveBigIntegerField(default=0)
    detail = models.CharField(max_length=500, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta(BaseModel.Meta):
        indexes = [
            models.Index(fields=["principal", "-id"], name="import_principal_newest"),
            models.Index(
                fields=["updated_at"],
                name="import_open",
                condition=Q(state__in=["queued", "running"]),
            ),
            models.Index(fields=["finished_at"], name="import_finished"),
        ]

    def __str__(self) -> str:
        return f"{self.resource} from {self.file_name}: {self.state}"

    @property
    def in_two_passes(self) -> bool:
        """Whether everything is checked before anything is stored."""
        return self.mode == self.Mode.ALL and not self.dry_run

    @property
    def is_trial(self) -> bool:
        """Whether what the rows come to now is taken back."""
        return self.dry_run or (self.in_two_passes and not self.checked)

    @property
    def percent(self) -> int:
        """Of the file, how much is worked off; of two passes each is a half."""
        if self.state == self.State.DONE:
            return 100
        passed = 100 * self.offset // max(self.size, 1)
        return (passed + 100 * self.checked) // 2 if self.in_two_passes else passed


class ImportChunk(models.Model):
    """A piece of an uploaded file, until the file has been worked off."""

    owner = models.ForeignKey(
        Import, on_delete=models.CASCADE, related_name="chunks", db_index=False
    )
    number = models.PositiveIntegerField()
    data = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["owner", "number"], name="import_chunk_number")
        ]

    def __str__(self) -> str:
        return f"chunk {self.number} of {self.owner_id}"


class ImportProblem(models.Model):
    """Why a row was refused. `line` is where it begins in the file."""

    owner = models.ForeignKey(
        Import, on_delete=models.CASCADE, related_name="problems", db_index=False
    )
    line = models.PositiveBigIntegerField()
    field = models.CharField(max_length=200, blank=True)
    code = models.CharField(max_length=50)
    detail = models.CharField(max_length=500)

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["owner", "id"], name="import_problem_in_order")]

    def __str__(self) -> str:
        return f"line {self.line}: {self.detail}"
