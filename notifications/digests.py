"""Keyed digests of phones that opted out and were erased, to recognise them by."""

from django.conf import settings
from django.utils.crypto import salted_hmac

SALT = "notifications.erased_opt_out"


def digest_of(phone: str, key: str | None = None) -> str:
    """The digest of a phone (E.164) under a key derived from `key`, or else from SECRET_KEY.

    Without the key nobody can tell whose it is. An unkeyed digest would not hide the phone: those
    of all phones in the world can be computed in minutes.
    """
    return salted_hmac(SALT, phone, secret=key, algorithm="sha256").hexdigest()


def digests_of(phone: str) -> list[str]:
    """Under SECRET_KEY and under each of SECRET_KEY_FALLBACKS: all that may be stored."""
    keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [digest_of(phone, key) for key in keys]
