"""`manage.py housekeeping`: what is kept for a time only, and goes when that is over."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from common.housekeeping import Done, keep_house


class Command(BaseCommand):
    """Does every chore at once; the workers do them every hour."""

    help = "Do away with what is kept for a time only. Workers do the same every hour."

    def handle(self, *args: Any, **options: Any) -> None:
        chores = keep_house()
        if options["verbosity"]:
            for each in chores:
                self.stdout.write(line(each))
        if failed := [each.name for each in chores if each.failed]:
            raise CommandError(f"Failed, see the log: {', '.join(failed)}.")


def line(done: Done) -> str:
    """What is said of a chore."""
    if done.failed:
        return f"{done.name}: failed"
    return f"{done.name}: {'done' if done.count is None else done.count}"
