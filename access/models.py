"""Who can get in: people, and the keys of partner applications."""

from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from rest_framework_api_key.models import AbstractAPIKey, BaseAPIKeyManager

from access.scopes import parse_scopes


def validate_scopes(text: str) -> None:
    """Refuses a list of scopes that names an unknown one."""
    try:
        parse_scopes(text)
    except ValueError as error:
        raise ValidationError(str(error), code="scope") from error


class User(AbstractUser):
    """Somebody who can log in. Our own model, so that it can grow without a rebuild."""


class ApiKey(AbstractAPIKey):
    """A partner application's key. Only its hash is kept; the key itself is shown once."""

    scopes = models.CharField(
        max_length=500,
        blank=True,
        validators=[validate_scopes],
        help_text="Space-separated, for example: read orders:write",
    )

    objects: ClassVar[BaseAPIKeyManager] = BaseAPIKeyManager()  # type: ignore[assignment]

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API key"
        verbose_name_plural = "API keys"
