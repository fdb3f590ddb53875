"""It knows how long an SMS is, and as how many it travels."""

import pytest

from notifications.sms_length import BASIC, EXTENDED, Length, length_of


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("", "GSM-7", 0, 1),
        ("Hello", "GSM-7", 5, 1),
        ("a" * 160, "GSM-7", 160, 1),
        ("a" * 161, "GSM-7", 161, 2),
        ("a" * 306, "GSM-7", 306, 2),
        ("a" * 307, "GSM-7", 307, 3),
        # Two septets each.
        ("€", "GSM-7", 2, 1),
        ("{" * 80, "GSM-7", 160, 1),
        ("{" * 81, "GSM-7", 162, 2),
        # No character is cut in two: each part loses a septet.
        ("{" * 152, "GSM-7", 304, 2),
        ("{" * 153, "GSM-7", 306, 3),
        ("ÄÖÜäöüßñéàΔ", "GSM-7", 11, 1),
        # What only looks as if it were there.
        ("ç", "UCS-2", 1, 1),
        ("Hello\u2019", "UCS-2", 6, 1),
        ("ж" * 70, "UCS-2", 70, 1),
        ("ж" * 71, "UCS-2", 71, 2),
        ("ж" * 134, "UCS-2", 134, 2),
        ("ж" * 135, "UCS-2", 135, 3),
        # A surrogate pair.
        ("😀", "UCS-2", 2, 1),
        ("😀" * 35, "UCS-2", 70, 1),
        ("😀" * 36, "UCS-2", 72, 2),
        ("😀" * 67, "UCS-2", 134, 3),
    ],
)
def test_counts(text: str, encoding: str, units: int, parts: int) -> None:
    assert length_of(text) == Length(encoding, units, parts)


def test_has_the_whole_alphabet() -> None:
    assert (len(BASIC), len(EXTENDED)) == (127, 10)
    assert not BASIC & EXTENDED
