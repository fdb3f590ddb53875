"""What can be done with imports, besides working them off (`work`)."""

from collections.abc import Iterator
from datetime import UTC, timedelta
from functools import partial
from hashlib import sha256
from typing import IO, Any

from django.db import transaction
from django.utils import timezone

from access.principals import Principal
from access.rule import require
from common.errors import Conflict, FieldError
from imports.models import REPEATED, Import
from imports.resources import RESOURCES
from imports.sources import BLOCK, store

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
    force: bool = False,
) -> Import:
    """Takes `file` for the workers, in the caller's transaction.

    Raises PermissionDenied, and Conflict for a file of orders that would be placed twice.
    """
    require_right(principal, resource)
    started = record_import(
        file,
        force=force,
        principal=str(principal),
        file_name=file_name[:255],
        size=size,
        resource=resource,
        mode=mode,
        dry_run=dry_run,
        notify=notify,
    )
    store(started, blocks_of(file))
    return started


def record_import(file: IO[bytes], *, force: bool, **members: Any) -> Import:
    """The row of a new import of `file`. Raises Conflict unless `force`, as `refuse_repeat` does.

    Whoever hands in the same file at the same moment is refused by the unique index.
    """
    one = Import(digest=digest_of(file), **members)
    if one.resource == Import.Resource.ORDERS and not one.dry_run and not force:
        refuse_repeat(one.digest)
        one.refuses_repeats = True
    one.save()
    return one


def refuse_repeat(digest: str) -> None:
    """Raises Conflict if a file of orders with this digest was handed in before.

    Not if nothing came of that one, or if all of its orders have a code: those are known by it.
    """
    before = Import.objects.filter(digest=digest, refuses_repeats=True).first()
    if before:
        when = f"{before.created_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        detail = REPEATED.format(when=f" on {when}")
        raise Conflict(detail, code="repeated", errors=[FieldError("force", "repeated", detail)])


def digest_of(file: IO[bytes]) -> str:
    """SHA-256 of a file, in hexadecimal."""
    digest = sha256()
    for block in blocks_of(file):
        digest.update(block)
    return digest.hexdigest()


def blocks_of(file: IO[bytes]) -> Iterator[bytes]:
    """The bytes of a file from its beginning."""
    file.seek(0)
    return iter(partial(file.read, BLOCK), b"")


def finish(one: Import, *, failed: str = "") -> None:
    """Ends an import; `failed` says why nothing more comes of it. Its file is not needed again."""
    one.state = Import.State.FAILED if failed else Import.State.DONE
    one.detail = failed[:500]
    one.finished_at = timezone.now()
    if not one.created:
        one.refuses_repeats = False
    one.save()
    one.chunks.all().delete()
    one.repeats.all().delete()


def prune() -> int:
    """Deletes imports that ended longer ago than KEPT, with their reports; how many those were."""
    ended = Import.objects.filter(finished_at__lt=timezone.now() - KEPT)
    _, deleted = ended.delete()
    return deleted.get(Import._meta.label, 0)
