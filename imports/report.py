"""The report of an import: a CSV file with a line for each thing that is wrong."""

import csv
from collections.abc import Iterator
from typing import Any

from imports.models import Import
from imports.work import MOST_REPORTED

COLUMNS = ("line", "field", "code", "reason")
# A spreadsheet would take a value that begins so for a formula; it repeats what came in.
FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Echo:
    """Gives back what `csv.writer` writes."""

    def write(self, text: str) -> str:
        return text


def harmless(text: str) -> str:
    """`text` as no spreadsheet calculates with it (OWASP, CSV injection)."""
    return f"'{text}" if text.startswith(FORMULA) else text


def report_of(one: Import) -> Iterator[str]:
    """The lines of the report, in the order of the file; none of it is held in memory."""
    writer: Any = csv.writer(Echo())
    yield writer.writerow(COLUMNS)
    problems = one.problems.values_list("line", "field", "code", "detail")
    for line, *texts in problems.iterator():
        yield writer.writerow([line, *map(harmless, texts)])
    if (more := one.refused - MOST_REPORTED) > 0:
        yield writer.writerow(["", "", "more", f"{more} more rows are refused."])
