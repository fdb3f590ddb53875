"""What this app stores about customers: files that they stand in, and what is said of the rows."""

import json
from typing import Any

from common import personal
from common.mentions import Mentions
from common.personal import Rows, Section, Subject, record_of
from imports.models import Import, ImportChunk, ImportProblem, ImportRepeat
from imports.reading.encoding import json_text


def blank_mentions(chunks: Rows, who: Subject) -> int:
    """Puts spaces where the file of an open import names them: its rows keep their places.

    Otherwise the worker would store tomorrow what is erased today. What goes on from one chunk in
    the next is not seen; it goes when the import ends.
    """
    for chunk in chunks:
        chunk.data = who.mentions.blank(bytes(chunk.data))
        chunk.save(update_fields=["data"])
    return len(chunks)


def redact_members(repeats: Rows, who: Subject) -> int:
    """Takes them out of the rows that wait for another row with the same key."""
    for repeat in repeats:
        repeat.members = json_text(redacted(json.loads(repeat.members), who.mentions))
        repeat.save(update_fields=["members"])
    return len(repeats)


def redacted(value: Any, mentions: Mentions) -> Any:
    """A JSON value, with a mark in the place of each mention in its texts."""
    if isinstance(value, dict):
        return {name: redacted(inner, mentions) for name, inner in value.items()}
    if isinstance(value, list):
        return [redacted(inner, mentions) for inner in value]
    return mentions.redact(value) if isinstance(value, str) else value


FILE_NAME = "The name of a file that names them."
REASON = "Why a row that names them was refused."
personal.declare(
    Import,
    fields={"file_name": FILE_NAME, "detail": "What became of it."},
    impersonal=("resource", "mode", "principal", "state", "digest"),
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
personal.declare(
    ImportRepeat,
    fields={"members": "A row of a file that is being worked off."},
    impersonal=("outcome",),
    rows=lambda who: who.mentions.among(ImportRepeat.objects.all(), "members"),
    erase=redact_members,
    counted="import_repeats",
)
