"""Whether a file is UTF-8 from its first byte to its last, and what is kept of its rows as JSON."""

import codecs
import json
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import Any

from imports.reading.lines import lines_of
from imports.reading.records import NOT_UTF8, FileProblem
from imports.sources import Source


def require_utf8(source: Source) -> None:
    """Raises FileProblem with the first line that is not UTF-8.

    Such a file is refused whole: of its rows those without any accent would be taken, and would
    come a second time with the file that was saved anew.
    """
    wrong = first_wrong_byte(source.blocks(0))
    if wrong is not None:
        raise FileProblem(line_at(source.blocks(0), wrong), "encoding", NOT_UTF8)


def first_wrong_byte(blocks: Iterable[bytes]) -> int | None:
    """Where the first byte stands that belongs to no character; None if there is none."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    passed = 0
    try:
        for block in blocks:
            passed += len(block)
            decoder.decode(block)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        # `error.object` also has the bytes of a character that the block before it cut in two.
        return passed - len(error.object) + error.start
    return None


def line_at(blocks: Iterator[bytes], offset: int) -> int:
    """The number of the line in which the byte at `offset` stands."""
    ends = accumulate(size for _, size in lines_of(blocks))
    return next(number for number, end in enumerate(ends, start=1) if end > offset)


def json_text(value: Any) -> str:
    """JSON in which text stands as it is, so that an erasure finds the names in it.

    Lone surrogates, which no database takes, are escaped, and then so is all that is not ASCII.
    """
    text = json.dumps(value, ensure_ascii=False)
    return text if is_storable(text) else json.dumps(value)


def is_storable(text: str) -> bool:
    """Whether `text` can be encoded as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
