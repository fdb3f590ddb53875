"""An issuer of JWTs on this machine: discovery, keys and tokens, by real HTTP and real crypto."""

import json
import time
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import jwt
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE = "klanten"
DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/keys"

# What answers instead of the issuer: it writes to the handler whatever it likes.
Misbehaviour = Callable[[BaseHTTPRequestHandler], None]


@cache
def rsa_key(name: str) -> rsa.RSAPrivateKey:
    """A private key; the same for the same name."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def ec_key(name: str) -> ec.EllipticCurvePrivateKey:
    """A private key on P-256; the same for the same name."""
    return ec.generate_private_key(ec.SECP256R1())


def published_rsa(name: str) -> dict[str, Any]:
    """The public half of `rsa_key(name)` as a JWK with that id."""
    public = RSAAlgorithm.to_jwk(rsa_key(name).public_key(), as_dict=True)
    return {**public, "kid": name, "use": "sig"}


def published_ec(name: str) -> dict[str, Any]:
    """The public half of `ec_key(name)` as a JWK with that id."""
    public = ECAlgorithm.to_jwk(ec_key(name).public_key(), as_dict=True)
    return {**public, "kid": name, "use": "sig"}


def base64url(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def compact(
    header: dict[str, Any], payload: bytes, sign: Callable[[bytes], bytes] | None = None
) -> str:
    """A JWS of any header and payload, signed with the first RSA key if not otherwise."""
    signed = f"{base64url(json.dumps(header).encode())}.{base64url(payload)}"
    signature = (sign or sign_rs256)(signed.encode())
    return f"{signed}.{base64url(signature)}"


def sign_rs256(data: bytes) -> bytes:
    return rsa_key("first").sign(data, padding.PKCS1v15(), hashes.SHA256())


@dataclass
class LoopbackIssuer:
    """What it publishes, what it was asked for, and how to get a token of it."""

    url: str
    keys: list[dict[str, Any]] = field(default_factory=lambda: [published_rsa("first")])
    jwks_path: str = JWKS
    asked: list[str] = field(default_factory=list)
    misbehaviour: Misbehaviour | None = None

    def claims(self, **changes: Any) -> dict[str, Any]:
        """The claims of a good access token, with changes; None leaves one out."""
        now = int(time.time())
        good = {"iss": self.url, "aud": AUDIENCE, "sub": "bob", "iat": now, "exp": now + 300}
        return {name: value for name, value in (good | changes).items() if value is not None}

    def token(self, kid: str | None = "first", typ: str | None = "JWT", **changes: Any) -> str:
        """A token signed with the RSA key of this id (the first one, where there is no id)."""
        headers = {"kid": kid, "typ": typ}
        present = {name: value for name, value in headers.items() if value is not None}
        return jwt.encode(
            self.claims(**changes), rsa_key(kid or "first"), algorithm="RS256", headers=present
        )

    def documents(self) -> dict[str, Any]:
        """What there is at which path."""
        return {
            DISCOVERY: {"issuer": self.url, "jwks_uri": f"{self.url}{self.jwks_path}"},
            self.jwks_path: {"keys": self.keys},
        }


def handler_of(issuer: LoopbackIssuer) -> type[BaseHTTPRequestHandler]:
    """A request handler that speaks for `issuer`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            issuer.asked.append(self.path)
            if issuer.misbehaviour:
                issuer.misbehaviour(self)
            elif (document := issuer.documents().get(self.path)) is not None:
                answer(self, json.dumps(document).encode())
            else:
                answer(self, b"{}", status=404)

        def log_request(self, *args: Any) -> None:
            """Writes nothing to the terminal."""

    return Handler


def answer(
    handler: BaseHTTPRequestHandler, body: bytes, *, status: int = 200, **headers: str
) -> None:
    """A whole answer; further headers by name, with `_` for `-`."""
    handler.send_response(status)
    handler.send_header("Content-Length", str(len(body)))
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


@contextmanager
def running_issuer() -> Iterator[LoopbackIssuer]:
    """An issuer that answers until the end of the block."""
    issuer = LoopbackIssuer("")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_of(issuer)) as server:
        server.daemon_threads = True
        issuer.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
