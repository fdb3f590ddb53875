"""Who can get in: people, the keys of partner applications, and OpenID clients."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.contrib.auth.hashers import get_hasher, identify_hasher, is_password_usable
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models, transaction
from django.dispatch import Signal
from django.http import HttpRequest
from django.utils import timezone
from django.utils.crypto import salted_hmac
from oauth2_provider.models import AbstractApplication
from rest_framework_api_key.models import AbstractAPIKey, BaseAPIKeyManager

from access.hashers import GeneratedSecretHasher
from access.scopes import parse_scopes
from common.networks import parse_networks

# The client of our own login endpoints (`tokens.py`).
LOGIN_CLIENT_ID = "klanten-login"
# A secret is hashed as one that cannot be guessed, so it has to be one.
SHORTEST_SECRET = 40


# What lets a user in: a change of the password, or the end of one of the others, ends the rest.
WATCHED = ("password", "is_active", "is_staff", "is_superuser")


def is_outdated(password: str) -> bool:
    """Whether Django would hash this password anew at the next login."""
    if not is_password_usable(password):
        return False
    preferred = get_hasher()
    other = identify_hasher(password).algorithm != preferred.algorithm
    return other or preferred.must_update(password)


def refuses_what(parse: Callable[[str], Any], text: str, code: str) -> None:
    """Raises ValidationError with the sentence with which `parse` refuses `text`."""
    try:
        parse(text)
    except ValueError as error:
        raise ValidationError(str(error), code=code) from error


def validate_scopes(text: str) -> None:
    """Refuses a list of scopes that names an unknown one."""
    refuses_what(parse_scopes, text, "scope")


def validate_networks(text: str) -> None:
    """Refuses a list of networks that has a bad one."""
    refuses_what(parse_networks, text, "network")


# Sent with `user` in the transaction in which they lose what let them in.
access_ended = Signal()


class User(AbstractUser):  # type: ignore[django-manager-missing]  # the toolkit's manager
    """Somebody who can log in. Our own model, so that it can grow without a rebuild."""

    access_ended_at = models.DateTimeField(null=True, blank=True, editable=False)

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Ends all sessions and tokens together with a password or rights that are taken away."""
        names = set(kwargs.get("update_fields") or WATCHED)
        if self._state.adding or names.isdisjoint(WATCHED):
            super().save(*args, **kwargs)
            return
        with transaction.atomic():
            before = User.objects.filter(pk=self.pk).values(*WATCHED).first()
            is_ended = before is not None and self._loses_access(before, names)
            if is_ended:
                self.access_ended_at = timezone.now()
                if kwargs.get("update_fields"):
                    kwargs["update_fields"] = {*names, "access_ended_at"}
            super().save(*args, **kwargs)
            if is_ended:
                access_ended.send(User, user=self)

    def _loses_access(self, before: dict[str, Any], names: set[str]) -> bool:
        """Whether saving these fields changes the password, or ends a right to get in."""
        rights = names & set(WATCHED) - {"password"}
        if any(before[name] and not getattr(self, name) for name in rights):
            return True
        if "password" not in names or self.password == before["password"]:
            return False
        # At a login Django hashes an old password anew, with more rounds, and saves that alone.
        return not (names == {"password"} and is_outdated(before["password"]))

    def get_session_auth_hash(self) -> str:
        """What a session must know: it changes with the password, and when access ends."""
        own = super().get_session_auth_hash()
        if self.access_ended_at is None:
            return own
        ended_at = self.access_ended_at.isoformat()
        return salted_hmac("access.User", f"{own} {ended_at}", algorithm="sha256").hexdigest()


class ExternalIdentity(models.Model):
    """Who a user is at another issuer. Nobody is ever linked to a user by name alone."""

    issuer = models.URLField()
    subject = models.CharField(max_length=255)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="external_identities")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "external identities"
        constraints = [
            models.UniqueConstraint(fields=["issuer", "subject"], name="external_identity_unique")
        ]

    def __str__(self) -> str:
        return f"{self.subject} at {self.issuer}"


class ApiKey(AbstractAPIKey):
    """A partner application's key. Only its hash is kept; the key itself is shown once."""

    class RateClass(models.TextChoices):
        STANDARD = "standard"
        HIGH = "high"

    scopes = models.CharField(
        max_length=500,
        blank=True,
        validators=[validate_scopes],
        help_text="Space-separated, for example: read orders:write",
    )
    owner = models.CharField(
        max_length=200, blank=True, help_text="Whom to ask about this key: a team, an address."
    )
    allowed_networks = models.CharField(
        max_length=500,
        blank=True,
        validators=[validate_networks],
        help_text="Where it may be used from, for example: 192.0.2.0/24. Empty: anywhere.",
    )
    rate_class = models.CharField(
        max_length=20, choices=RateClass, default=RateClass.STANDARD, help_text="How much it may."
    )
    if_match_required = models.BooleanField(
        default=False, help_text="Changes without If-Match are refused: no update is ever lost."
    )
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects: ClassVar[BaseAPIKeyManager] = BaseAPIKeyManager()  # type: ignore[assignment]

    class Meta(AbstractAPIKey.Meta):
        verbose_name = "API key"
        verbose_name_plural = "API keys"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if self.revoked and self.revoked_at is None:
            self.revoked_at = timezone.now()
        super().save(*args, **kwargs)


class Application(AbstractApplication):  # type: ignore[misc]  # the toolkit is untyped
    """An OpenID client, with a limit to what its tokens may be used for."""

    scopes = models.CharField(
        max_length=500,
        blank=True,
        validators=[validate_scopes],
        help_text="The most that its tokens may be used for, for example: read orders:write. "
        "Empty: nothing for the client itself, and for a user whatever that user may.",
    )
    active = models.BooleanField(default=True, help_text="An inactive client gets nothing done.")

    def clean(self) -> None:
        super().clean()
        generated = self.client_secret.startswith(f"{GeneratedSecretHasher.algorithm}$")
        if not generated and self.client_secret and len(self.client_secret) < SHORTEST_SECRET:
            advice = f"Keep the one made for you, or give {SHORTEST_SECRET} characters."
            raise ValidationError({"client_secret": advice})

    def is_usable(self, request: HttpRequest) -> bool:
        """Asked by the toolkit whenever the client or one of its tokens shows up."""
        return self.active
