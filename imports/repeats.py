"""The rows of a file that share a key with others of it."""

import json
from collections.abc import Sequence

from django.db.models import Q

from common.bulk import Result
from common.errors import Problem
from imports.models import Import, ImportRepeat
from imports.reading import Record
from imports.resources import RESOURCES
from imports.resources.base import REFUSED, Together


def rows_together(one: Import, records: Sequence[Record]) -> Together:
    """All rows of the file that share a key with one of `records`, those included.

    Of many that share one key only the first, and those among `records`: whatever file it is, a
    batch costs no more than `most_together` times itself.
    """
    if not records:
        return Together([], {})
    here = Q(line__gte=records[0].line, line__lte=records[-1].line)
    own = ImportRepeat.objects.filter(here, owner=one)
    among = Q(key__in=own.values("key"), number__lt=RESOURCES[one.resource].most_together)
    rows = ImportRepeat.objects.filter(among | here, owner=one).order_by("line")
    found = {row.line: row for row in rows}
    return Together(
        [Record(line, json.loads(row.members)) for line, row in found.items()],
        {line: row.outcome for line, row in found.items() if row.outcome},
    )


def keep_outcomes(
    one: Import, records: Sequence[Record], results: Sequence[Result], together: Together
) -> None:
    """Takes note of what became of rows, for those of the same key that come later."""
    shared = {record.line for record in together.records}
    lines: dict[str, list[int]] = {}
    for record, result in zip(records, results, strict=True):
        if record.line in shared:
            outcome = REFUSED if isinstance(result, Problem) else str(result)
            lines.setdefault(outcome, []).append(record.line)
    for outcome, those in lines.items():
        ImportRepeat.objects.filter(owner=one, line__in=those).update(outcome=outcome)
