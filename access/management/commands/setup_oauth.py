"""`manage.py setup_oauth`: registers an OpenID client, as Savannah's document shows it."""

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from oauth2_provider.generators import generate_client_secret

from access.models import Application
from access.scopes import parse_scopes

GRANTS = {
    "authorization-code": Application.GRANT_AUTHORIZATION_CODE,
    "client-credentials": Application.GRANT_CLIENT_CREDENTIALS,
}


class Command(BaseCommand):
    """Registers an OpenID client once; the secret is printed in clear that one time."""

    help = "Register an OpenID client and print its id and secret (shown only once)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--name", default="Klanten", help="the client's name; default: Klanten")
        parser.add_argument(
            "--client-type", choices=["confidential", "public"], default="confidential"
        )
        parser.add_argument("--grant-type", choices=sorted(GRANTS), default="authorization-code")
        parser.add_argument(
            "--redirect-uri",
            default=f"{settings.PUBLIC_URL}/o/callback",
            help="where the code is sent; default: %(default)s",
        )
        parser.add_argument(
            "--scopes",
            default="read write",
            help="what its tokens may be used for; default: 'read write', everything",
        )
        parser.add_argument(
            "--algorithm",
            choices=[Application.RS256_ALGORITHM, Application.HS256_ALGORITHM],
            default=Application.RS256_ALGORITHM,
            help="how its id_tokens are signed; HS256 keeps the secret in clear",
        )
        parser.add_argument(
            "--new", action="store_true", help="make another client, even if one has this name"
        )

    def handle(self, *args: Any, name: str, new: bool, **options: Any) -> None:
        existing = Application.objects.filter(name=name).order_by("pk").first()
        if existing and not new:
            self.stdout.write(f"OAuth2 Application {name} exists already.")
            self.stdout.write(f"Client ID: {existing.client_id}")
            self.stdout.write("Its secret cannot be shown again; --new makes another client.")
            return
        if options["client_type"] == "public" and options["grant_type"] == "client-credentials":
            raise CommandError("A public client has no secret: it cannot use client-credentials.")
        try:
            parse_scopes(options["scopes"])
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.register(name, **options)

    def register(self, name: str, **options: Any) -> None:
        """Writes the client and prints what Savannah's document shows."""
        secret = generate_client_secret()
        confidential = options["client_type"] == "confidential"
        code_grant = options["grant_type"] == "authorization-code"
        application = Application(
            name=name,
            client_type=options["client_type"],
            authorization_grant_type=GRANTS[options["grant_type"]],
            redirect_uris=options["redirect_uri"] if code_grant else "",
            client_secret=secret,
            scopes=options["scopes"],
            algorithm=options["algorithm"],
            # A signature by HMAC needs the secret itself.
            hash_client_secret=options["algorithm"] != Application.HS256_ALGORITHM,
        )
        try:
            application.clean()
        except ValidationError as error:
            raise CommandError(" ".join(error.messages)) from error
        application.save()
        self.stdout.write("OAuth2 Application created successfully!")
        self.stdout.write(f"Client ID: {application.client_id}")
        if confidential:
            self.stdout.write(f"Client Secret: {secret}")
        self.stdout.write(f"Authorization Grant Type: {options['grant_type']}")
        self.stdout.write(f"Client Type: {options['client_type']}")
