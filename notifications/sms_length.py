"""How long an SMS is, and as how many it travels (3GPP TS 23.038 and 23.040).

A text whose characters are all in the GSM 7-bit default alphabet goes as 7-bit septets, 160 to
an SMS; any other character makes the whole text UCS-2, 70 to an SMS. What is longer goes in
parts, each of which gives up six octets to say which part it is: 153 septets, or 67 characters.
"""

from dataclasses import dataclass

# TS 23.038, 6.2.1: the default alphabet, without the escape.
BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# TS 23.038, 6.2.1.1: behind an escape, so two septets each.
EXTENDED = frozenset("\f^{}\\[~]|€")

SEPTETS_ALONE, SEPTETS_IN_PART = 160, 153
UNITS_ALONE, UNITS_IN_PART = 70, 67


@dataclass(frozen=True, slots=True)
class Length:
    """`units` are septets or UTF-16 code units, as the encoding has it."""

    encoding: str
    units: int
    parts: int


def length_of(text: str) -> Length:
    """The length of `text` as an SMS."""
    characters = set(text)
    if characters <= BASIC | EXTENDED:
        sizes = [2 if character in EXTENDED else 1 for character in text]
        return Length("GSM-7", sum(sizes), parts(sizes, SEPTETS_ALONE, SEPTETS_IN_PART))
    sizes = [len(character.encode("utf-16-be")) // 2 for character in text]
    return Length("UCS-2", sum(sizes), parts(sizes, UNITS_ALONE, UNITS_IN_PART))


def parts(sizes: list[int], alone: int, in_part: int) -> int:
    """How many SMS characters of these sizes need; none is cut in two."""
    if sum(sizes) <= alone:
        return 1
    count, room = 1, in_part
    for size in sizes:
        if size > room:
            count, room = count + 1, in_part
        room -= size
    return count
