"""`manage.py welcome`: where everything is; on the first start also a way in."""

import errno
import os
import secrets
import socket
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from access.api_keys import create_api_key
from access.models import ApiKey, User

ADMIN = "admin"


class Command(BaseCommand):
    """Prints the addresses; while nobody can get in yet, also a fresh admin login and key."""

    help = "Show the addresses of this installation; on the first start, make a login and a key."

    def handle(self, *args: Any, **options: Any) -> None:
        refuse_taken_port()
        base = f"http://{os.environ.get('HOST', '127.0.0.1')}:{os.environ.get('PORT', '8000')}"
        self.stdout.write(f"\n  API      {base}/v1/")
        self.stdout.write(f"  Swagger  {base}/")
        self.stdout.write(f"  Admin    {base}/admin/\n")
        if not User.objects.exists() and not ApiKey.objects.exists():
            self.first_start(base)

    def first_start(self, base: str) -> None:
        """Makes the first login and the first key; neither is ever shown again."""
        password = secrets.token_urlsafe(12)
        User.objects.create_superuser(ADMIN, password=password)
        _, key = create_api_key(name="First key", scopes="read write")
        self.stdout.write("\nThis is the first start. Keep these; they are not shown again:\n\n")
        self.stdout.write(f"  Admin login  {ADMIN} / {password}")
        self.stdout.write(f"  API key      {key}\n\n")
        self.stdout.write("A customer and an order, whose SMS is printed below:\n\n")
        header = f"-H 'Authorization: Api-Key {key}'"
        self.stdout.write(
            f"  curl {header} {base}/v1/customers/ \\\n"
            "    -d code=CUST001 -d 'name=John Doe' --data-urlencode phone_number=+254712345678\n"
            f"  curl {header} {base}/v1/orders/ \\\n"
            "    -d customer_code=CUST001 -d 'item=Laptop Computer' -d amount=1299.99\n\n"
        )


def refuse_taken_port() -> None:
    """Raises CommandError when something listens on HOST:PORT.

    The web server itself would not notice another one: both would answer, in turns, each from
    its own database.
    """
    host, port = os.environ.get("HOST", "127.0.0.1"), os.environ.get("PORT", "8000")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        # Anything else the web server itself tells.
        if error.errno != errno.EADDRINUSE:
            return
        raise CommandError(
            f"{host}:{port} is in use. Choose another: make runserver PORT=8001"
        ) from error
