"""Entity tags (RFC 9110, 8.8): what a client read, and whether it is still so.

A tag is `"<version>-<digest>"`. The version is the row's own last change: `If-Match` compares
that, under the row lock, so that no update is lost. The digest is of the whole representation:
`If-None-Match` compares all of it. An order's representation also shows what happens to its
SMS; that must not turn a partner's change of the order into a 412.
"""

import re
from datetime import datetime
from hashlib import sha256
from typing import Any

from common.models import BaseModel
from common.rendering import encode

TAG = re.compile(r'(?:W/)?"([^"]*)"')


def version(updated_at: datetime) -> str:
    """The time of a row's last change as digits: microseconds since 1970."""
    return str(round(updated_at.timestamp() * 1_000_000))


def etag_of(representation: dict[str, Any]) -> str:
    """The tag of what is about to be answered."""
    digest = sha256(encode(representation)).hexdigest()[:16]
    changed = representation["updated_at"]
    moment = datetime.fromisoformat(changed) if isinstance(changed, str) else changed
    return f'"{version(moment)}-{digest}"'


def tags(header: str) -> list[str]:
    """The tags in a header. A proxy that compresses weakens ours (`W/`); they mean the same."""
    return TAG.findall(header)


def is_current(header: str, row: BaseModel) -> bool:
    """Whether an `If-Match` header names the present version of `row`."""
    if header.strip() == "*":
        return True
    present = version(row.updated_at)
    return any(tag.partition("-")[0] == present for tag in tags(header))


def is_known(header: str, etag: str) -> bool:
    """Whether an `If-None-Match` header names this very representation."""
    return header.strip() == "*" or etag.strip('"') in tags(header)
