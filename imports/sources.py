"""Where the bytes of a file come from."""

from collections.abc import Iterable, Iterator
from itertools import count
from pathlib import Path
from typing import Protocol

from imports.models import Import, ImportChunk

# Bytes read, and stored, at a time.
BLOCK = 256 * 1024


class Source(Protocol):
    """A file that can be read from any place, a block at a time."""

    def blocks(self, offset: int) -> Iterator[bytes]:
        """The bytes from `offset` to the end."""
        ...


class StoredFile:
    """An uploaded file, in its chunks in the database. One statement for each."""

    def __init__(self, owner: Import) -> None:
        self.owner = owner

    def blocks(self, offset: int) -> Iterator[bytes]:
        first, skip = divmod(offset, BLOCK)
        for number in count(first):
            chunk = ImportChunk.objects.filter(owner=self.owner, number=number)
            data = chunk.values_list("data", flat=True).first()
            if data is None:
                return
            yield bytes(data)[skip:]
            skip = 0


class FileOnDisk:
    """A file of the machine on which the command runs."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def blocks(self, offset: int) -> Iterator[bytes]:
        with self.path.open("rb") as file:
            file.seek(offset)
            while block := file.read(BLOCK):
                yield block


def store(owner: Import, pieces: Iterable[bytes]) -> int:
    """Keeps a file as the chunks of `owner`; how many bytes that were."""
    stored, rest, number = 0, b"", 0
    for piece in pieces:
        rest += piece
        while len(rest) >= BLOCK:
            store_chunk(owner, number, rest[:BLOCK])
            stored, rest, number = stored + BLOCK, rest[BLOCK:], number + 1
    if rest:
        store_chunk(owner, number, rest)
    return stored + len(rest)


def store_chunk(owner: Import, number: int, data: bytes) -> None:
    # One at a time: none of a big file is held in memory.
    ImportChunk.objects.bulk_create([ImportChunk(owner=owner, number=number, data=data)])
