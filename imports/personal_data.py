"""What this app stores about customers: files that they stand in, and what is said of the rows."""

from common import personal
from common.personal import Rows, Section, Subject, record_of
from imports.models import Import, ImportChunk, ImportProblem


def blank_mentions(chunks: Rows, who: Subject) -> int:
    """Puts spaces where the file of an open import names them: its rows keep their places.

    Otherwise the worker would store tomorrow what is erased today. What goes on from one chunk in
    the next is not seen; it goes when the import ends.
    """
    for chunk in chunks:
        chunk.data = who.mentions.blank(bytes(chunk.data))
        chunk.save(update_fields=["data"])
    return len(chunks)


FILE_NAME = "The name of a file that names them."
REASON = "Why a row that names them was refused."
personal.declare(
    Import,
    fields={"file_name": FILE_NAME, "detail": "What became of it."},
    impersonal=("resource", "mode", "principal", "state"),
    rows=lambda who: who.mentions.among(Import.objects.all(), "file_name", "detail"),
    erase=personal.redact("file_name", "detail", anybodys=True),
    counted="imports",
    section=Section(
        "imports",
        record_of(Import, "created_at", file_name=FILE_NAME, detail="What became of it."),
    ),
)
personal.declare(
    ImportProblem,
    fields={"field": "The column.", "detail": REASON},
    impersonal=("code",),
    rows=lambda who: who.mentions.among(ImportProblem.objects.all(), "field", "detail"),
    erase=personal.redact("field", "detail", anybodys=True),
    counted="import_problems",
    section=Section(
        "import_problems",
        record_of(ImportProblem, "owner", "line", field="The column.", detail=REASON),
    ),
)
personal.declare(
    ImportChunk,
    fields={"data": "A piece of a file that is being worked off."},
    rows=lambda who: who.mentions.among(ImportChunk.objects.all(), "data"),
    erase=blank_mentions,
    counted="import_chunks",
)
