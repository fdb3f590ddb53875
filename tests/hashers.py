"""Django's own password hash with few rounds: tests make many users and guess no password."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class QuickHasher(PBKDF2PasswordHasher):
    """What it writes, a server in another process can verify: the rounds stand in the hash."""

    iterations = 100
