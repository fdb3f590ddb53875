"""JWTs of other issuers (OIDC_TRUSTED_ISSUERS), verified here against the issuer's own keys.

An issuer that is away does no harm: keys that are known go on working, an unknown key is a
401. Its users come without any permission; staff give them some in the admin.
"""

import json
import logging
import secrets
import threading
import time
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeGuard
from urllib.parse import urlsplit

import jwt
import requests
import urllib3
from cryptography.exceptions import UnsupportedAlgorithm
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import IntegrityError, transaction
from jwt import PyJWK, PyJWKSet

from access.models import ExternalIdentity, User
from access.people import person_at, person_by_id
from access.principals import Principal

logger = logging.getLogger(__name__)

# Signatures with a public key only: HS256 would make everybody who can verify an issuer, too.
ALGORITHMS = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)
CLOCK_SKEW_SECONDS = 60
# What only an id_token says about itself (OpenID Connect Core, 2 and 3.3.2.11).
ID_TOKEN_MARKS = frozenset({"nonce", "at_hash", "c_hash", "s_hash"})
# RFC 8725, 3.11: a logout token or a security event is signed with the same keys.
ACCESS_TOKEN_TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})
TIMEOUT_SECONDS = (3.05, 5)
# For one document, however it drips in.
TOTAL_SECONDS = 8
LARGEST_DOCUMENT = 256 * 1024
# An unknown key makes us ask the issuer, but not more often: tokens are cheap to make up.
ASK_AGAIN_SECONDS = 30
# So that a key that the issuer has withdrawn does not go on working for ever.
KEYS_GO_STALE_SECONDS = 3600
# All that an answer of an issuer can be wrong in: the way, the JSON, the keys.
NO_KEYS = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    jwt.PyJWTError,
    UnsupportedAlgorithm,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    RecursionError,
)


@dataclass
class Issuer:
    """One entry of OIDC_TRUSTED_ISSUERS, and the keys that it has shown us so far."""

    issuer: str
    audience: str
    username_claim: str = "sub"
    scope_claim: str = "scope"
    jwks_uri: str = ""
    keys: dict[str, PyJWK] = field(default_factory=dict, init=False)
    asked_at: float = field(default=float("-inf"), init=False)
    lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def key(self, key_id: str) -> PyJWK | None:
        """The key with this id; asks the issuer for one that is not known, now and then.

        Whoever shows a known key does not wait for an issuer that somebody else is asking.
        """
        known = self.known(key_id) is not None
        patience = KEYS_GO_STALE_SECONDS if known else ASK_AGAIN_SECONDS
        if self.not_asked_for(patience) and self.lock.acquire(blocking=not known):
            try:
                if self.not_asked_for(patience):
                    self.ask()
            finally:
                self.lock.release()
        return self.known(key_id)

    def not_asked_for(self, seconds: float) -> bool:
        """Whether the issuer was last asked longer ago than this."""
        return time.monotonic() - self.asked_at > seconds

    def known(self, key_id: str) -> PyJWK | None:
        """The key with this id among those we have; without an id, the only one there is."""
        if not key_id and len(self.keys) == 1:
            return next(iter(self.keys.values()))
        return self.keys.get(key_id)

    def ask(self) -> None:
        """Fetches the issuer's keys. When that fails, those that are known stay."""
        try:
            discovery = f"{self.issuer}/.well-known/openid-configuration"
            uri = self.jwks_uri or str(document(discovery)["jwks_uri"])
            fetched = PyJWKSet.from_dict(document(uri))
        except NO_KEYS as error:
            logger.warning("No keys from %s: %s", self.issuer, type(error).__name__)
        else:
            self.keys = {str(key.key_id or ""): key for key in fetched.keys if is_for_signing(key)}
        finally:
            # Only now: until then those who need an unknown key wait for the answer.
            self.asked_at = time.monotonic()


def is_for_signing(key: PyJWK) -> bool:
    """Whether tokens may be signed with a published key."""
    return key.public_key_use != "enc" and key.algorithm_name in ALGORITHMS


def document(url: str) -> dict[str, Any]:
    """The JSON object at `url`: no redirects, bounded in time and size."""
    end = time.monotonic() + TOTAL_SECONDS
    with requests.Session() as session:
        session.trust_env = False
        with session.get(
            url, timeout=TIMEOUT_SECONDS, allow_redirects=False, stream=True
        ) as answer:
            if answer.status_code != requests.codes.ok:
                raise ValueError(f"HTTP {answer.status_code}")
            body = b""
            while piece := answer.raw.read1(LARGEST_DOCUMENT, decode_content=True):
                body += piece
                if len(body) > LARGEST_DOCUMENT or time.monotonic() > end:
                    raise ValueError("too long")
    content = json.loads(body)
    if not isinstance(content, dict):
        raise TypeError("no JSON object")
    return content


@cache
def trusted_issuers() -> dict[str, Issuer]:
    """The issuers of OIDC_TRUSTED_ISSUERS by their name. ImproperlyConfigured for a bad entry."""
    entries = settings.OIDC_TRUSTED_ISSUERS
    if not isinstance(entries, list):
        raise ImproperlyConfigured("OIDC_TRUSTED_ISSUERS: write a JSON array of objects.")
    issuers = [issuer_from(entry) for entry in entries]
    by_name = {each.issuer: each for each in issuers}
    if len(by_name) < len(issuers):
        raise ImproperlyConfigured("OIDC_TRUSTED_ISSUERS: name each issuer once.")
    return by_name


def issuer_from(entry: Any) -> Issuer:
    """The issuer that an entry describes. ImproperlyConfigured if it is incomplete."""
    if not (
        isinstance(entry, dict)
        and all(isinstance(value, str) and value for value in entry.values())
        and is_web_address(entry.get("issuer", ""))
    ):
        raise ImproperlyConfigured(
            "OIDC_TRUSTED_ISSUERS: give each an issuer (its address) and an audience, as text."
        )
    try:
        return Issuer(**{**entry, "issuer": entry["issuer"].rstrip("/")})
    except TypeError as error:
        raise ImproperlyConfigured(f"OIDC_TRUSTED_ISSUERS: {error}.") from None


def is_web_address(text: str) -> bool:
    """Whether `text` is the address of an issuer, and short enough to be kept."""
    try:
        url = urlsplit(text)
    except ValueError:
        return False
    longest = ExternalIdentity._meta.get_field("issuer").max_length or 0
    return url.scheme in {"https", "http"} and bool(url.netloc) and len(text) <= longest


def check_external_token(token: str) -> Principal | None:
    """The principal of a JWT that a trusted issuer signed for us; None for any other. One query.

    At first sight more: the user is made then.
    """
    verified = verify(token)
    if verified is None:
        return None
    issuer, claims = verified
    subject = claims.get(issuer.username_claim)
    scopes = scopes_in(claims.get(issuer.scope_claim))
    if not is_subject(subject) or scopes is None:
        return None
    known = person_at(issuer.issuer, subject)
    principal = known or person_by_id(user_for(issuer.issuer, subject).pk)
    return principal and principal.limited_to(scopes)


def is_subject(subject: Any) -> TypeGuard[str]:
    """Whether somebody can be told apart by this: text that every database can keep."""
    longest = ExternalIdentity._meta.get_field("subject").max_length or 0
    return isinstance(subject, str) and 0 < len(subject) <= longest and subject.isprintable()


def verify(token: str) -> tuple[Issuer, dict[str, Any]] | None:
    """The issuer and the claims of a token whose signature, times and audience hold."""
    try:
        claimed = jwt.decode(token, options={"verify_signature": False})
        issuer = trusted_issuers().get(str(claimed.get("iss", "")).rstrip("/"))
        header = jwt.get_unverified_header(token)
        if issuer is None or header.get("alg") not in ALGORITHMS:
            return None
        if (key := issuer.key(str(header.get("kid") or ""))) is None:
            return None
        claims = jwt.decode(
            token,
            key,
            algorithms=[header["alg"]],
            audience=issuer.audience,
            issuer=claimed["iss"],
            leeway=CLOCK_SKEW_SECONDS,
            options={"require": ["exp", "iss", "aud"], "enforce_minimum_key_length": True},
        )
    except (jwt.PyJWTError, ValueError, TypeError, RecursionError):
        return None
    return (issuer, claims) if is_access_token(header, claims) else None


def is_access_token(header: dict[str, Any], claims: dict[str, Any]) -> bool:
    """Whether it is an access token, as far as it says so itself (RFC 9068, 2.1).

    An id_token is for its client to read, not a key to anything.
    """
    kind = str(header.get("typ", "JWT")).lower()
    if kind == "jwt":
        return ID_TOKEN_MARKS.isdisjoint(claims)
    return kind in ACCESS_TOKEN_TYPES


def scopes_in(claim: Any) -> frozenset[str] | None:
    """The scopes in a claim: a list, or words separated by spaces. None if it is neither.

    No scopes are no limit, so that a claim that makes no sense must not pass for none.
    """
    words = claim.split() if isinstance(claim, str) else claim
    if words is None:
        return frozenset()
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        return None
    return frozenset(words)


def user_for(issuer: str, subject: str) -> User:
    """The user who is `subject` at `issuer`; made, without any permission, on first sight.

    Known by issuer and subject together, never by name: somebody who is called "admin"
    elsewhere, or whose name somebody here has taken, gets a user of their own.
    """
    identities = ExternalIdentity.objects.select_related("user").filter(
        issuer=issuer, subject=subject
    )
    name = f"{subject[:80]}@{urlsplit(issuer).netloc[:50]}"
    for username in (name, f"{name}-{secrets.token_hex(4)}"):
        if identity := identities.first():
            return identity.user
        # Without success, the name is taken, or another first request of theirs was faster.
        if user := make_user(username, issuer, subject):
            return user
    return identities.get().user


def make_user(username: str, issuer: str, subject: str) -> User | None:
    """A new user with this name and identity; None if somebody has one of them."""
    try:
        with transaction.atomic():
            user = User(username=username)
            user.set_unusable_password()
            user.save()
            ExternalIdentity.objects.create(issuer=issuer, subject=subject, user=user)
    except IntegrityError:
        return None
    return user
