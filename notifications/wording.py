"""The language of templates: text with `{names}` in it, and nothing else.

Python's own format strings reach attributes and items of what they are given (`{a.__class__}`)
and pad to any length (`{a:>1000000}`); so only plain names are taken.
"""

from collections.abc import Collection, Mapping
from string import Formatter


def names_in(text: str) -> list[str]:
    """The names in a text. Raises ValueError, with a sentence, for a brace that is none of one."""
    try:
        fields = list(Formatter().parse(text))
    except ValueError:
        raise ValueError("A brace is open or stray; write {{ or }} for one in the text.") from None
    for _, name, spec, conversion in fields:
        if name is not None and (spec or conversion or not name.isidentifier()):
            raise ValueError(f"Write only a name between braces, not {{{name}}}.")
    return [name for _, name, _, _ in fields if name is not None]


def check(text: str, variables: Collection[str]) -> None:
    """Raises ValueError for a text that is none, or names what is not among `variables`."""
    unknown = sorted(set(names_in(text)) - set(variables))
    if unknown:
        known = ", ".join(f"{{{name}}}" for name in sorted(variables)) or "none"
        raise ValueError(
            f"There is no {', '.join(f'{{{name}}}' for name in unknown)}. Known here: {known}."
        )


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with a value for each name. It has been checked."""
    parts = []
    for literal, name, _, _ in Formatter().parse(text):
        parts.append(literal)
        if name is not None:
            parts.append(values[name])
    return "".join(parts)
