"""`manage.py import_file RESOURCE FILE`: what `POST /v1/imports/` does, at once and from here."""

import sys
import threading
from argparse import ArgumentParser
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from common.errors import Conflict
from imports.models import Import
from imports.report import report_of
from imports.services import record_import
from imports.sources import FileOnDisk
from imports.work import advance

BAR = 40


class Command(BaseCommand):
    """Imports a file of this machine's disk."""

    help = "Import customers, mappings, items or orders from a CSV, JSON Lines or Excel file."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("resource", choices=Import.Resource.values)
        parser.add_argument("file", type=Path)
        parser.add_argument("--mode", choices=Import.Mode.values, default=Import.Mode.GOOD)
        parser.add_argument(
            "--dry-run", action="store_true", help="check everything, store nothing"
        )
        parser.add_argument("--no-notify", action="store_true", help="new orders send no SMS")
        parser.add_argument(
            "--force", action="store_true", help="place orders without codes a second time"
        )
        parser.add_argument("--report", type=Path, help="where to write why rows were refused")
        parser.add_argument(
            "--resume", type=UUID, metavar="ID", help="go on with one that was stopped"
        )

    def handle(self, *args: Any, file: Path, report: Path | None, **options: Any) -> None:
        if not file.is_file():
            raise CommandError(f"There is no file {file}.")
        one = self.resumed(file, options) if options["resume"] else self.begun(file, options)
        try:
            self.work_off(one, FileOnDisk(file))
        except KeyboardInterrupt:
            self.say_stopped(one)
        self.stdout.write(summary(one))
        if report:
            with report.open("w", encoding="utf-8", newline="") as lines:
                lines.writelines(report_of(one))
        if one.refused or one.state == Import.State.FAILED:
            sys.exit(1)

    def begun(self, file: Path, options: dict[str, Any]) -> Import:
        """A new import, which no worker touches."""
        try:
            with file.open("rb") as content, transaction.atomic():
                return record_import(
                    content,
                    force=options["force"],
                    principal="command",
                    stored=False,
                    file_name=file.name[:255],
                    size=file.stat().st_size,
                    resource=options["resource"],
                    mode=options["mode"],
                    dry_run=options["dry_run"],
                    notify=not options["no_notify"],
                )
        except Conflict as error:
            raise CommandError(str(error.detail).replace("force", "--force")) from error

    def resumed(self, file: Path, options: dict[str, Any]) -> Import:
        """The import that was stopped, if this is its file."""
        one = Import.objects.filter(pk=options["resume"], stored=False).first()
        if one is None or one.state not in Import.OPEN:
            raise CommandError("There is no import of this command with that id to go on with.")
        same = (one.resource, one.file_name, one.size)
        if same != (options["resource"], file.name[:255], file.stat().st_size):
            raise CommandError(f"That import is of {one.resource} from {one.file_name}.")
        return one

    def work_off(self, one: Import, source: FileOnDisk) -> None:
        """Does batch after batch, and shows how far it is."""
        while one.state in Import.OPEN:
            with transaction.atomic():
                locked = Import.objects.select_for_update().get(pk=one.pk)
                advance(locked, source, threading.Event())
            one.refresh_from_db()
            self.show(one)

    def show(self, one: Import) -> None:
        """A progress bar, for who looks at a terminal."""
        if not self.stderr.isatty():
            return
        done = one.percent * BAR // 100
        bar = "#" * done + "." * (BAR - done)
        end = "" if one.state in Import.OPEN else "\n"
        self.stderr.write(f"\r[{bar}] {one.percent:3}% {one.rows:,} rows", ending=end)
        self.stderr.flush()

    def say_stopped(self, one: Import) -> None:
        """What has been done, and how to go on."""
        one.refresh_from_db()
        self.stdout.write("")
        raise CommandError(
            f"Stopped. {summary(one)}\nGo on with the same arguments and --resume {one.pk}"
        )


def summary(one: Import) -> str:
    """What became of the rows, in a sentence or two."""
    would = "would be " if one.dry_run else ""
    counts = ", ".join(f"{getattr(one, name):,} {name}" for name in Import.COUNTS[1:])
    said = f"{one.rows:,} rows: {would}{counts}."
    return f"{said} {one.detail}".strip()
