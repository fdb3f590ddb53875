"""Files of rows that somebody handed in, and how far each of them has come."""

from django.db import models
from django.db.models import Q

from common.models import BaseModel

REPEATED = (
    "This very file was handed in before{when}, and its orders have no code to know them by: each"
    " would be placed a second time. Give force to do that."
)


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
    # The new columns have defaults in the database as well: while a release rolls out, processes
    # of the one before it go on inserting.
    digest = models.CharField(
        max_length=64, blank=True, default="", db_default="", help_text="SHA-256."
    )
    # The same bytes are not taken a second time while this is set: orders without a code would
    # be placed twice.
    refuses_repeats = models.BooleanField(default=False, db_default=False)
    # False: a command reads it from its disk; the worker leaves it alone.
    stored = models.BooleanField(default=True)

    state = models.CharField(max_length=7, choices=State, default=State.QUEUED)
    # Read through once: it is UTF-8, and rows about the same thing are known (ImportRepeat).
    surveyed = models.BooleanField(default=False, db_default=False)
    # Bytes of the JSON Lines that a spreadsheet was turned into; its chunks are those.
    converted = models.BigIntegerField(null=True, editable=False)
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
        constraints = [
            models.UniqueConstraint(
                fields=["digest"],
                condition=Q(refuses_repeats=True),
                name="import_of_orders_once",
                violation_error_code="repeated",
                violation_error_message=REPEATED.format(when=""),
            )
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
        size = self.size if self.converted is None else self.converted
        passed = 100 * self.offset // max(size, 1)
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


class ImportRepeat(models.Model):
    """A row whose key comes in the file more than once, until the file has been worked off."""

    owner = models.ForeignKey(
        Import, on_delete=models.CASCADE, related_name="repeats", db_index=False
    )
    # A digest of the key, and how many rows before this one have it.
    key = models.BigIntegerField()
    number = models.PositiveIntegerField()
    line = models.PositiveBigIntegerField()
    members = models.TextField(help_text="JSON.")
    # What became of it, once it was written: an Outcome, or `refused`.
    outcome = models.CharField(max_length=9, blank=True)

    class Meta:
        indexes = [
            models.Index(fields=["owner", "line"], name="import_repeat_line"),
            models.Index(fields=["owner", "key", "number"], name="import_repeat_key"),
        ]

    def __str__(self) -> str:
        return f"line {self.line} of {self.owner_id}"


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
