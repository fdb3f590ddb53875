"""Reading a file through before any of it is written: its encoding, and which keys it repeats."""

import io
import threading
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from itertools import islice

from imports.models import Import, ImportRepeat
from imports.reading import JsonRows, Position, Record, Rows, open_rows
from imports.reading.encoding import json_text, require_utf8
from imports.reading.spreadsheet import LONGEST_FILE, WORKBOOK, json_lines, too_large_problem
from imports.resources import RESOURCES
from imports.resources.base import Name
from imports.sources import Source, StoredFile, store

# Rows whose keys are looked up together.
BATCH = 2000
# Bits that tell keys from each other, for each byte of the file and at most: 32 MB.
BITS_PER_BYTE = 1
MOST_BITS = 2**28
FEWEST_BITS = 2**16


class Interrupted(Exception):  # noqa: N818 - what it is, not what went wrong
    """The worker is to stop in the middle of what must not be done by halves."""


def survey(one: Import, source: Source, stopping: threading.Event) -> None:
    """Reads the whole file once. Raises FileProblem if it is not to be read as it is.

    A workbook becomes the import's own JSON Lines. Rows whose key comes more than once are kept
    beside it (ImportRepeat), so that each is written in the knowledge of the others. Reading it
    once more costs a sixth of importing it.
    """
    if next(source.blocks(0), b"").startswith(WORKBOOK):
        convert(one, source)
    rows = rows_of(one, source)
    if one.converted is None:
        require_utf8(source)
    suspects = repeated_keys(one, rows, stopping)
    if suspects:
        keep_repeats(one, rows, suspects, stopping)
    one.surveyed = True


def rows_of(one: Import, source: Source) -> Rows:
    """The rows of an import's file. Raises FileProblem if it has none that can be told."""
    if one.converted is not None:
        return JsonRows(StoredFile(one), Position())
    return open_rows(source, RESOURCES[one.resource].columns())


def convert(one: Import, source: Source) -> None:
    """Puts JSON Lines in the place of the chunks of a workbook. Raises FileProblem."""
    if one.size > LONGEST_FILE:
        raise too_large_problem()
    workbook = io.BytesIO(b"".join(source.blocks(0)))
    one.chunks.all().delete()
    one.converted = store(one, json_lines(workbook, RESOURCES[one.resource].columns()))


def repeated_keys(one: Import, rows: Rows, stopping: threading.Event) -> set[int]:
    """The keys that come more than once, and by chance a few others.

    A file of orders that all have a code may be handed in again: they are known by it.
    """
    seen = Seen(one.size)
    suspects: set[int] = set()
    anonymous = 0
    for _, keys in keyed(one, rows, stopping):
        anonymous += not keys
        suspects.update(number_of(key) for key in keys if not seen.add(key))
    if not anonymous:
        one.refuses_repeats = False
    return suspects


def keep_repeats(one: Import, rows: Rows, suspects: set[int], stopping: threading.Event) -> None:
    """Stores the rows that have one of these keys."""
    numbers: Counter[int] = Counter()
    kept: list[ImportRepeat] = []
    for record, keys in keyed(one, rows, stopping):
        for key in suspects.intersection(map(number_of, keys)):
            members = json_text(record.members)
            kept.append(
                ImportRepeat(
                    owner=one, key=key, number=numbers[key], line=record.line, members=members
                )
            )
            numbers[key] += 1
        if len(kept) >= BATCH:
            ImportRepeat.objects.bulk_create(kept)
            kept.clear()
    ImportRepeat.objects.bulk_create(kept)


def keyed(
    one: Import, rows: Rows, stopping: threading.Event
) -> Iterator[tuple[Record, list[bytes]]]:
    """Each readable row with the digests of its keys. Raises Interrupted between two batches."""
    records = (each for each, _ in rows.records(Position()) if each.problem is None)
    resource = RESOURCES[one.resource]
    while batch := list(islice(records, BATCH)):
        if stopping.is_set():
            raise Interrupted
        named = resource.names([record.members for record in batch])
        for record, names in zip(batch, named, strict=True):
            yield record, [digest_of(name) for name in {*names.own, *names.others}]


def digest_of(name: Name) -> bytes:
    return blake2b(repr(name).encode("utf-8", "backslashreplace"), digest_size=16).digest()


def number_of(key: bytes) -> int:
    """A key as it is stored: 64 bits of it."""
    return int.from_bytes(key[:8], signed=True)


class Seen:
    """Which keys have come, in memory that does not grow with them.

    A Bloom filter of four bits for each key: that a key is new is always true; that it came
    before is wrong for one of a hundred thousand, or of a hundred in the largest of files.
    """

    def __init__(self, size: int) -> None:
        wanted = min(max(size * BITS_PER_BYTE, FEWEST_BITS), MOST_BITS)
        self.mask = (1 << wanted.bit_length()) - 1 if wanted < MOST_BITS else MOST_BITS - 1
        self.bits = bytearray((self.mask + 1) // 8)

    def add(self, key: bytes) -> bool:
        """Takes note of a key; whether it is new."""
        is_new = False
        for start in range(0, len(key), 4):
            bit = int.from_bytes(key[start : start + 4]) & self.mask
            where, which = bit >> 3, 1 << (bit & 7)
            if not self.bits[where] & which:
                is_new = True
                self.bits[where] |= which
        return is_new
