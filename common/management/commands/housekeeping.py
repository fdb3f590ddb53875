"""`manage.py housekeeping`: what has to go after a while. The worker runs it, too."""

from typing import Any

from django.core.management.base import BaseCommand

from common.housekeeping import chores


class Command(BaseCommand):
    """Prunes what is kept for a time only."""

    help = "Delete what is kept for a time only: idempotency records, finished imports."

    def handle(self, *args: Any, **options: Any) -> None:
        for name, prune in chores():
            pruned = prune()
            if options["verbosity"]:
                self.stdout.write(f"Pruned {pruned} {name}.")
