"""Secrets that Klanten makes for itself: once, outside the repository, readable by its owner only.

Used by the settings in development, and by `python -m config.secret_files DIRECTORY`,
which a deployment without a secret store runs once before anything else.
"""

import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

SECRET_KEY_FILE = "secret_key"  # noqa: S105 - the name of a file
OIDC_KEY_FILE = "oidc.pem"


def new_secret_key() -> str:
    """A Django SECRET_KEY of 64 random bytes."""
    return secrets.token_urlsafe(64)


def new_rsa_key() -> str:
    """A 3072-bit RSA private key as PEM: 128 bits of strength (NIST SP 800-57)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=3072)
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    ).decode()


def split_pem(text: str) -> list[str]:
    """The keys in a text that holds any number of PEM blocks, one after the other."""
    end = "-----END PRIVATE KEY-----"
    text = text.replace("\\n", "\n")
    return [block.strip() + "\n" + end for block in text.split(end) if block.strip()]


def read_or_create(path: Path, make: Callable[[], str]) -> str:
    """The text of `path`; `make()` writes it first if it is not there.

    Several processes may start at once: each writes a file of its own and links it to the
    name, which succeeds for exactly one, and every process reads what that one wrote.
    """
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(make())
        try:
            path.hardlink_to(draft)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def create_all(directory: Path) -> None:
    """Make every secret that is missing in `directory`."""
    read_or_create(directory / SECRET_KEY_FILE, new_secret_key)
    read_or_create(directory / OIDC_KEY_FILE, new_rsa_key)


if __name__ == "__main__":
    match sys.argv[1:]:
        case [directory]:
            create_all(Path(directory))
        case _:
            sys.exit("usage: python -m config.secret_files DIRECTORY")
