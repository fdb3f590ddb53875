"""Customer codes for those who bring none: `C-` and eight characters that nobody misreads."""

import secrets

# Crockford's base 32: no I, L, O, U.
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def new_code() -> str:
    """A random code; 40 bits, so that codes tell nothing about how many customers there are."""
    return "C-" + "".join(secrets.choice(ALPHABET) for _ in range(8))
