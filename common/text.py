"""What text from outside may consist of: one rule for the API, forms and imported files."""

import re

from django.core.exceptions import ValidationError
from django.http import QueryDict

# Control characters (C0, DEL, C1), line and paragraph separators, the characters with the property
# Bidi_Control (UAX #9), lone surrogates and noncharacters. Joiners (U+200C, U+200D) are none of
# these: names in Persian and in Indic scripts need them.
UNSUITABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufdd0-\ufdef"
    + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(17))
    + "]"
)


def validate_one_line(text: str) -> None:
    """Raises ValidationError unless `text` is one line of plain text.

    That is the rule for names, codes and other short texts. The codes for NUL and for surrogates
    are those of Django and of DRF, which refuse these alone.
    """
    if (found := UNSUITABLE.search(text)) is None:
        return
    point = f"U+{ord(found[0]):04X}"
    if found[0] == "\0":
        raise ValidationError(
            "Null characters are not allowed.", code="null_characters_not_allowed"
        )
    if "\ud800" <= found[0] <= "\udfff":
        detail = f"Surrogate characters are not allowed: {point}."
        raise ValidationError(detail, code="surrogate_characters_not_allowed")
    raise ValidationError(
        f"Use one line of plain text: the character {point} is not allowed.", code="characters"
    )


def validate_foreign_id(text: str) -> None:
    """The same for an id that another system made up: what can be stored, and nothing else.

    It is no text for people, and has to be found again as it came.
    """
    for character in re.findall("[\0\ud800-\udfff]", text)[:1]:
        validate_one_line(character)


def validate_lines(text: str) -> None:
    """The same for a description, which may have tabs and line breaks (CR, LF)."""
    validate_one_line(re.sub(r"[\t\n\r]", " ", text))


def has_nul(members: QueryDict) -> bool:
    """Whether a query or a form has a NUL, which PostgreSQL cannot store, in a name or a value."""
    return any("\0" in text for name, values in members.lists() for text in (name, *values))


def is_plain(text: str) -> bool:
    """Whether `text` is printable ASCII, as most is: then no rule about characters refuses it."""
    return text.isascii() and text.isprintable()


def has_foreign_digits(text: str) -> bool:
    """Whether `text` has decimal digits other than 0 to 9, such as Arabic or full-width ones.

    Python's int, Decimal and UUID take them, and so do the expressions with which Django reads
    times: a number, a time or an id would have many spellings.
    """
    return not text.isascii() and any(
        character.isdecimal() and not character.isascii() for character in text
    )


def refuse_foreign_digits(text: object, message: str) -> None:
    """Raises ValidationError with `message` if `text` is text with digits of another script."""
    if isinstance(text, str) and has_foreign_digits(text):
        raise ValidationError(message, code="invalid")
