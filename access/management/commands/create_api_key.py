"""`manage.py create_api_key NAME --scopes "read write"`: prints the key as its last line."""

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from access.api_keys import create_api_key
from access.models import ApiKey


class Command(BaseCommand):
    """Makes an API key."""

    help = "Make an API key and print it as the last line. It cannot be shown again."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("name", help="whose key it is; at most 50 characters")
        parser.add_argument(
            "--scopes",
            default="read write",
            help="space-separated; default: 'read write', everything",
        )

    def handle(self, *args: Any, name: str, scopes: str, **options: Any) -> None:
        longest = ApiKey._meta.get_field("name").max_length or 0
        if not name.strip() or len(name) > longest:
            raise CommandError(f"NAME needs 1 to {longest} characters.")
        try:
            api_key, key = create_api_key(name=name.strip(), scopes=scopes)
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"API key for {api_key.name}, with the scopes: {api_key.scopes or '-'}")
        self.stdout.write("Keep it now; it cannot be shown again.")
        self.stdout.write(key)
