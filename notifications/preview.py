"""A template as its readers will see it, before it is in use."""

from dataclasses import dataclass

from django.core.exceptions import ValidationError

from notifications.kinds import kind_of
from notifications.models import Template
from notifications.sms_length import length_of
from notifications.wording import fill

UNITS = {"GSM-7": "septets", "UCS-2": "UTF-16 units"}


@dataclass(frozen=True, slots=True)
class Preview:
    """The text with the examples of its kind, its length, and what it may name."""

    text: str
    summary: str
    variables: str = ""


def preview_of(kind: str, text: str) -> Preview:
    """The preview of a text; without one, and with the reason, for what cannot be used."""
    variables = variables_of(kind)
    try:
        Template(kind=kind, text=text).clean()
    except ValidationError as error:
        return Preview("", " ".join(error.messages), variables)
    filled = fill(text, kind_of(kind).variables)
    length = length_of(filled)
    parts = "1 SMS" if length.parts == 1 else f"{length.parts} SMS"
    summary = f"{length.encoding}, {length.units} {UNITS[length.encoding]}, {parts}"
    return Preview(filled, summary, variables)


def variables_of(kind: str) -> str:
    """What a text of this kind may name, in a sentence."""
    try:
        names = sorted(kind_of(kind).variables)
    except KeyError:
        return ""
    return f"Variables: {', '.join(f'{{{name}}}' for name in names) or 'none'}."
