"""JWTs of other issuers (OIDC_TRUSTED_ISSUERS), verified here against the issuer's own keys.

An issuer that is away or slow does no harm: its keys are fetched by a thread of their own, keys
that are known go on working, an unknown key is a 401. Its users come without any permission;
staff give them some in the admin.
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
from common.errors import unavailable

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
# The types under which issuers serve JSON; some keep their documents in an object store.
PLAIN_TYPES = frozenset({"text/plain", "application/octet-stream", "binary/octet-stream"})
# An unknown key makes us ask the issuer, but not more often: tokens are cheap to make up.
ASK_AGAIN_SECONDS = 30
# After failures in a row that pause doubles, up to this.
LONGEST_PAUSE_SECONDS = 300
# Keys in use are fetched anew after this, while requests go on with those that are known.
KEYS_ARE_RENEWED_SECONDS = 600
# So that a key that the issuer has withdrawn does not go on working for ever: after this, a
# request waits for the new ones.
KEYS_GO_STALE_SECONDS = 3600
# How long a request waits at the most, counted from the beginning of the fetch: when other keys
# of the issuer are known, and when none is.
WAIT_SECONDS = 0.5
FIRST_WAIT_SECONDS = 3.0
# One request of a process waits for an answer of somebody else, whoever that is (access/sso.py
# takes it, too). A process has two threads or more: the others go on serving.
place_to_wait = threading.BoundedSemaphore(1)
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


@dataclass(frozen=True)
class Fetch:
    """One attempt to get an issuer's keys, by a thread of its own."""

    started_at: float = field(default_factory=time.monotonic)
    over: threading.Event = field(default_factory=threading.Event)

    def wait(self, seconds: float) -> None:
        """Waits until it is over, or so many seconds have passed since it began.

        Only one request of a process waits; for another this returns at once.
        """
        left = self.started_at + seconds - time.monotonic()
        if left > 0 and place_to_wait.acquire(blocking=False):
            try:
                self.over.wait(left)
            finally:
                place_to_wait.release()


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
    failures: int = field(default=0, init=False)
    fetch: Fetch | None = field(default=None, init=False)
    lock: threading.Lock = field(default_factory=threading.Lock, init=False)

    def key(self, key_id: str) -> PyJWK | None:
        """The key with this id; None if the issuer has none, as far as we know.

        When it is time to ask the issuer, this has it asked. A request waits for the answer if
        its own key is unknown or all are stale, but never for long (`Fetch.wait`). Raises
        Problem (503) while the very first keys of an issuer are still on their way.
        """
        known = self.known(key_id)
        stale = self.not_asked_for(KEYS_GO_STALE_SECONDS)
        fetch = self.fetch_if_due(self.pause(is_known=known is not None))
        if fetch and (known is None or stale):
            fetch.wait(WAIT_SECONDS if self.keys else FIRST_WAIT_SECONDS)
            known = self.known(key_id)
            if not self.keys and not fetch.over.is_set():
                raise unavailable(
                    "The keys that your token is signed with are being fetched. Try again."
                )
        return known

    def pause(self, *, is_known: bool) -> float:
        """The seconds between two questions to the issuer; longer after failures in a row."""
        if self.failures:
            doubled: int = ASK_AGAIN_SECONDS << min(self.failures - 1, 10)
            return min(doubled, LONGEST_PAUSE_SECONDS)
        return KEYS_ARE_RENEWED_SECONDS if is_known else ASK_AGAIN_SECONDS

    def not_asked_for(self, seconds: float) -> bool:
        """Whether the issuer was last asked longer ago than this."""
        return time.monotonic() - self.asked_at > seconds

    def known(self, key_id: str) -> PyJWK | None:
        """The key with this id among those we have; without an id, the only one there is."""
        if not key_id and len(self.keys) == 1:
            return next(iter(self.keys.values()))
        return self.keys.get(key_id)

    def fetch_if_due(self, pause: float) -> Fetch | None:
        """The fetch that is under way, a new one if the last ended this long ago, or None."""
        # The same question without the lock: nearly always the answer is no.
        if not self.not_asked_for(pause):
            return None
        with self.lock:
            # Another request may have fetched the keys since.
            if not self.not_asked_for(pause):
                return self.fetch
            if self.fetch is None or self.fetch.over.is_set():
                fetch = Fetch()
                # Not kept waiting for when the process ends.
                threading.Thread(target=self.ask, args=[fetch], daemon=True).start()
                self.fetch = fetch
            return self.fetch

    def ask(self, fetch: Fetch) -> None:
        """Fetches the issuer's keys. When that fails, those that are known stay."""
        try:
            discovery = f"{self.issuer}/.well-known/openid-configuration"
            uri = self.jwks_uri or str(document(discovery)["jwks_uri"])
            fetched = PyJWKSet.from_dict(document(uri))
        except NO_KEYS as error:
            self.failures += 1
            logger.warning("No keys from %s: %s", self.issuer, type(error).__name__)
        else:
            self.failures = 0
            self.keys = {str(key.key_id or ""): key for key in fetched.keys if is_for_signing(key)}
        finally:
            # In this order: whoever sees that the fetch is over must not find another one due.
            self.asked_at = time.monotonic()
            fetch.over.set()


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
            kind = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
            if kind and not kind.endswith("json") and kind not in PLAIN_TYPES:
                raise ValueError("no JSON")
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


def fetch_all_keys() -> None:
    """Has the keys of every trusted issuer fetched, so that no request waits for the first."""
    for issuer in trusted_issuers().values():
        issuer.fetch_if_due(ASK_AGAIN_SECONDS)


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
