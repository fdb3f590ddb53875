"""The environment, with each secret also readable from a file: `NAME` or `NAME_FILE`."""

from pathlib import Path

import environ
from django.core.exceptions import ImproperlyConfigured

env = environ.Env()


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
