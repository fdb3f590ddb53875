"""It reads a file alike from its beginning and from any row on, however it comes in blocks."""

import random
from collections.abc import Iterator
from itertools import pairwise

import pytest

from imports.reading import Columns, Position, Record, open_rows
from imports.reading.lines import LONGEST_LINE, lines_of

COLUMNS = Columns(frozenset({"code", "name"}), ("code", "name"), ())
SEED = 20_260_101


class Memory:
    """A source that gives a few bytes at a time."""

    def __init__(self, content: bytes, block: int) -> None:
        self.content, self.block = content, block

    def blocks(self, offset: int) -> Iterator[bytes]:
        for start in range(offset, len(self.content), self.block):
            yield self.content[start : start + self.block]


def read(content: bytes, block: int, position: Position) -> list[tuple[Record, Position]]:
    return list(open_rows(Memory(content, block), COLUMNS).records(position))


def random_csv(chance: random.Random) -> bytes:
    """Rows of bits that matter to a reader of CSV; few of them are good."""
    bits = ["a", ",", '"', '""', "\n", "\r", "\r\n", '"x\ny"', "C1,Ann\n", "é", "\udce9", ";"]
    rows = "".join(chance.choices(bits, k=chance.randrange(60)))
    return ("code,name\n" + rows).encode("utf-8", "surrogateescape")


def test_the_blocks_make_no_difference() -> None:
    chance = random.Random(SEED)  # noqa: S311 - to be repeatable
    for _ in range(300):
        content = random_csv(chance)
        whole = read(content, 10_000, Position())
        assert read(content, chance.randrange(1, 9), Position()) == whole, content


def test_goes_on_behind_any_row() -> None:
    chance = random.Random(SEED)  # noqa: S311
    for _ in range(300):
        content = random_csv(chance)
        whole = read(content, 10_000, Position())
        for number, (_, behind) in enumerate(whole, start=1):
            assert read(content, 7, behind) == whole[number:], content


def test_every_line_belongs_to_one_row_at_most() -> None:
    chance = random.Random(SEED)  # noqa: S311
    for _ in range(300):
        content = random_csv(chance)
        rows = read(content, 10_000, Position())
        starts = [record.line for record, _ in rows]
        assert starts == sorted(set(starts))
        for (record, behind), (following, _) in pairwise(rows):
            assert record.line < behind.line <= following.line


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("block", [1, 2, 3, 1000])
def test_counts_lines_whatever_ends_them(end: bytes, block: int) -> None:
    lines = [b"a" + end, end, b"bc" + end, b"d"]

    found = list(lines_of(Memory(b"".join(lines), block).blocks(0)))

    assert found == [(line, len(line)) for line in lines]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r", b""])
def test_keeps_no_more_of_a_line_than_is_allowed(end: bytes) -> None:
    endless = b"x" * (3 * LONGEST_LINE) + end
    content = b"a\n" + endless + (b"b\n" if end else b"")

    found = list(lines_of(Memory(content, 100_001).blocks(0)))

    assert [size for _, size in found] == [2, len(endless), *([2] if end else [])]
    assert LONGEST_LINE < len(found[1][0]) < LONGEST_LINE + 200_000
