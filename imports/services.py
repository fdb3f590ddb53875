"""What can be done with imports, besides working them off (`work`)."""

from datetime import timedelta
from functools import partial
from typing import IO

from django.db import transaction
from django.utils import timezone

from access.principals import Principal
from access.rule import require
from imports.models import Import, ImportChunk
from imports.resources import RESOURCES
from imports.sources import BLOCK

# What was refused can be read for so long.
KEPT = timedelta(days=30)


def require_right(principal: Principal, resource: str) -> None:
    """Raises PermissionDenied unless `principal` may make and change any row of `resource`."""
    model = RESOURCES[resource].model
    for permission in ("add", "change"):
        require(principal, resource=resource, model=model, permission=permission)


@transaction.atomic
def begin_import(
    *,
    principal: Principal,
    file: IO[bytes],
    file_name: str,
    size: int,
    resource: str,
    mode: str = Import.Mode.GOOD,
    dry_run: bool = False,
    notify: bool = True,
) -> Import:
    """Takes `file` for the workers, in the caller's transaction. Raises PermissionDenied."""
    require_right(principal, resource)
    started = Import.objects.create(
        principal=str(principal),
        file_name=file_name[:255],
        size=size,
        resource=resource,
        mode=mode,
        dry_run=dry_run,
        notify=notify,
    )
    file.seek(0)
    for number, data in enumerate(iter(partial(file.read, BLOCK), b"")):
        # One at a time: none of a big file is held in memory.
        ImportChunk.objects.bulk_create([ImportChunk(owner=started, number=number, data=data)])
    return started


def finish(one: Import, *, failed: str = "") -> None:
    """Ends an import; `failed` says why nothing more comes of it. Its file is not needed again."""
    one.state = Import.State.FAILED if failed else Import.State.DONE
    one.detail = failed[:500]
    one.finished_at = timezone.now()
    one.save()
    one.chunks.all().delete()


def prune() -> int:
    """Deletes imports that ended longer ago than KEPT, with their reports; how many those were."""
    ended = Import.objects.filter(finished_at__lt=timezone.now() - KEPT)
    _, deleted = ended.delete()
    return deleted.get(Import._meta.label, 0)
