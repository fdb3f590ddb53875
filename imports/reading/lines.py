"""The physical lines of a file, in bounded memory."""

from collections.abc import Iterator

# Bytes of a line. An order of a hundred lines, each with a long text, has a tenth of it.
LONGEST_LINE = 1_000_000
TOO_LONG = f"This line is longer than {LONGEST_LINE:,} bytes."


def lines_of(blocks: Iterator[bytes]) -> Iterator[tuple[bytes, int]]:
    r"""Each line with its end (`\n`, `\r\n` or `\r`), and how many bytes it takes in the file.

    Of one that is too long only the beginning is kept: a little more than LONGEST_LINE.
    """
    rest, head, passed = b"", b"", 0
    for block in blocks:
        pieces = (rest + block).splitlines(keepends=True)
        # The last goes on in the next block; after a \r there may be the other half of the end.
        rest = pieces.pop() if pieces and not pieces[-1].endswith(b"\n") else b""
        for piece in pieces:
            yield head or piece, passed + len(piece)
            head, passed = b"", 0
        if len(rest) > LONGEST_LINE:
            head = head or rest[: LONGEST_LINE + 1]
            kept = 1 if rest.endswith(b"\r") else 0
            passed += len(rest) - kept
            rest = rest[len(rest) - kept :]
    # A lone \r may have ended more lines than one.
    for piece in rest.splitlines(keepends=True) or ([b""] if head else []):
        yield head or piece, passed + len(piece)
        head, passed = b"", 0
