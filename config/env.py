"""The environment, with each secret also readable from a file: `NAME` or `NAME_FILE`."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import environ
from django.core.exceptions import ImproperlyConfigured

# What a variable must hold, by what its text is read with.
EXPECTED = {int: "a whole number", float: "a number", Decimal: "a number", json.loads: "JSON"}


class Env(environ.Env):
    """The environment, which says of a malformed variable which one it is, and what it must be.

    It does not say what is there instead, as the errors that it replaces do: that may be a secret.
    """

    def get_value(self, var: str, cast: Any = None, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().get_value(var, cast, *args, **kwargs)
        except (ValueError, ArithmeticError):
            expected = EXPECTED.get(cast, "something else")
            raise ImproperlyConfigured(f"{var} must be {expected}.") from None

    @classmethod
    def parse_value(cls, value: str, cast: Any) -> Any:
        # The original drops what is no digit: `1e3` would be 13, and `10m` 10.
        return float(value) if cast is float else super().parse_value(value, cast)

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


env = Env()


def secret(name: str, default: str | None = None) -> str:
    """The value of `NAME`, else the text of the file that `NAME_FILE` names, else `default`.

    Raises ImproperlyConfigured with what to do when there is none of the three.
    """
    if value := env.str(name, default=""):
        return str(value)
    if file := env.str(f"{name}_FILE", default=""):
        try:
            return Path(file).read_text().strip()
        except OSError as error:
            raise ImproperlyConfigured(
                f"{name}_FILE names {file}, which cannot be read: {error.strerror}."
            ) from error
    if default is None:
        raise ImproperlyConfigured(
            f"Set {name} (or {name}_FILE) in the environment; with DEBUG=true one is made for you."
        )
    return default
