"""The hash of generated client secrets."""

from django.contrib.auth.hashers import PBKDF2PasswordHasher


class GeneratedSecretHasher(PBKDF2PasswordHasher):
    """Salted and fast: for secrets that we generate, and never for passwords.

    A million rounds slow down guessing. A secret of 128 random characters cannot be guessed
    at any speed, and each token call would pay a quarter of a second for the rounds.
    """

    algorithm = "generated_secret"
    iterations = 1
