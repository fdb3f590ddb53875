"""The environment: every value as it is written, and each secret also readable from a file."""

import json
import math
import os
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

from common.networks import parse_networks

TRUE = frozenset({"true", "yes", "on", "y", "ok", "1"})
FALSE = frozenset({"false", "no", "off", "n", "0"})
# What a variable must hold, by what its text is read with.
EXPECTED = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    Decimal: "a number",
    json.loads: "JSON",
    parse_networks: "networks such as 10.0.0.0/8, separated by commas",
}
# `int` and `float` alone also take `1_000` and the digits of other scripts.
WHOLE_NUMBER = re.compile(r"\s*[+-]?[0-9]+\s*", re.ASCII)
NUMBER = re.compile(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?\s*", re.ASCII)
DOTENV_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z_0-9]*)\s*=(.*)")
# What a backslash stands before in double quotes, as in a shell.
ESCAPED = re.compile(r'\\(["\\$])')


class Env(environ.Env):
    """The environment, which says of a malformed variable which one it is, and what it must be.

    It does not say what is there instead, as the errors that it replaces do: that may be a secret.
    """

    def get_value(
        self,
        var: str,
        cast: Any = None,
        default: Any = environ.Env.NOTSET,
        parse_default: bool = False,
    ) -> Any:
        """The value of `var`, read with `cast`; `default` as it is if there is none.

        The original takes a value that begins with `$` for the name of another variable. Here
        it is literal: a generated password may begin like that.
        """
        if var not in self.ENVIRON:
            if default is self.NOTSET:
                raise ImproperlyConfigured(f"Set {var} in the environment.")
            return default
        value = self.ENVIRON[var]
        if value == "" and default is None:
            return None
        try:
            return self.parse_value(value, cast)
        except (ValueError, ArithmeticError, RecursionError):
            expected = EXPECTED.get(cast, "something else")
            raise ImproperlyConfigured(f"{var} must be {expected}.") from None

    @classmethod
    def parse_value(cls, value: str, cast: Any) -> Any:
        """`value` as `cast` has it. ValueError or ArithmeticError for what it cannot be.

        Stricter than the original, for which any word is false, `1e3` is 13 and `10m` is 10,
        and whose lists keep the space after a comma.
        """
        if cast is bool:
            return parse_bool(value)
        if cast is list:
            return [part for each in value.split(",") if (part := each.strip())]
        if cast in {int, float, Decimal}:
            return parse_number(value, cast)
        return super().parse_value(value, cast)

    @classmethod
    def db_url_config(cls, url: Any, engine: str | None = None) -> dict[str, Any]:
        try:
            config: dict[str, Any] = super().db_url_config(url, engine)
        except ValueError:
            config = {}
        if "ENGINE" not in config:
            raise ImproperlyConfigured(
                "DATABASE_URL must be an address like postgres://user:password@host:5432/name,"
                " with %2F and the like for the signs in its password."
            )
        return config

    @classmethod
    def cache_url_config(cls, url: Any, backend: str | None = None) -> dict[str, Any]:
        try:
            config: dict[str, Any] = super().cache_url_config(url, backend)
        except (ValueError, ImproperlyConfigured):
            raise ImproperlyConfigured(
                "CACHE_URL must be an address like redis://:password@host:6379/0,"
                " with %2F and the like for the signs in its password."
            ) from None
        return config


def parse_bool(text: str) -> bool:
    """The truth that a word stands for. ValueError for any other word, and for none."""
    word = text.strip().lower()
    if word not in TRUE | FALSE:
        raise ValueError
    return word in TRUE


def parse_number(text: str, kind: type[Any]) -> Any:
    """The finite number in `text`, in ASCII digits, as `kind`. ValueError for anything else."""
    if not (WHOLE_NUMBER if kind is int else NUMBER).fullmatch(text):
        raise ValueError
    number = kind(text.strip())
    # `1e999` is infinite as a float.
    if not math.isfinite(number):
        raise ValueError
    return number


env = Env()


def read_dotenv(path: Path) -> None:
    """Adds the variables in a `.env` file to the environment, which goes before it.

    One `NAME=value` to a line; a comment has a line of its own. A value is literal, `$` and `#`
    included, but for the quotes around it; in double quotes a backslash goes before `"`, `\\`
    and `$`. Raises ImproperlyConfigured with the number of a line that is none of this; its text
    may be a part of a secret.
    """
    if not path.is_file():
        return
    for number, line in enumerate(text_in(path).split("\n"), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = DOTENV_LINE.fullmatch(line)
        if match is None:
            raise ImproperlyConfigured(f"Line {number} of {path} must be NAME=value.")
        os.environ.setdefault(match[1], unquoted(match[2].strip()))


def unquoted(value: str) -> str:
    """A value of a `.env` file without the quotes around it."""
    is_quoted = len(value) > 1 and value[0] == value[-1] and value[0] in "'\""
    if not is_quoted:
        return value
    return ESCAPED.sub(r"\1", value[1:-1]) if value[0] == '"' else value[1:-1]


def text_in(path: Path) -> str:
    """The text of a file, with `\\n` at its line ends and without a byte order mark.

    Raises OSError, and ImproperlyConfigured when it is no text.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ImproperlyConfigured(f"{path} must be text in UTF-8.") from None


def secret(name: str, default: str | None = None) -> str:
    """The value of `NAME`, else the text of the file that `NAME_FILE` names, else `default`.

    The file's text is literal but for the line ends around it. Raises ImproperlyConfigured with
    what to do when there is none of the three, or nothing in the file.
    """
    if value := env.str(name, default=""):
        return str(value)
    if file := env.str(f"{name}_FILE", default=""):
        try:
            text = text_in(Path(file)).strip("\n")
        except OSError as error:
            raise ImproperlyConfigured(
                f"{name}_FILE names {file}, which cannot be read: {error.strerror}."
            ) from error
        if not text.strip():
            raise ImproperlyConfigured(f"{name}_FILE names {file}, which is empty.")
        return text
    if default is None:
        raise ImproperlyConfigured(
            f"Set {name} (or {name}_FILE) in the environment; with DEBUG=true one is made for you."
        )
    return default
