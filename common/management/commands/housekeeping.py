"""`manage.py housekeeping`: what has to go after a while. The worker runs it, too."""

from typing import Any

from django.core.management.base import BaseCommand

from common.idempotency import prune


class Command(BaseCommand):
    """Prunes what is kept for a time only."""

    help = "Delete what is kept for a time only: idempotency records after 24 hours."

    def handle(self, *args: Any, **options: Any) -> None:
        pruned = prune()
        if options["verbosity"]:
            self.stdout.write(f"Pruned {pruned} idempotency records.")
