"""Handing files in, and seeing what became of them."""

import csv
import io
import threading
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from imports.models import Import
from imports.work import work

IMPORTS = "/v1/imports/"
Problem = tuple[int, str, str, str]


def hand_in(
    client: APIClient, content: str | bytes, resource: str = "customers", **members: Any
) -> Any:
    """The answer to an upload."""
    headers = {name: members.pop(name) for name in list(members) if name.startswith("HTTP_")}
    body = content.encode() if isinstance(content, str) else content
    file = SimpleUploadedFile("rows.csv", body)
    form = {"file": file, "resource": resource, **members}
    return client.post(IMPORTS, form, format="multipart", **headers)


def work_all() -> None:
    """Does what a worker does, until there is nothing left to do."""
    while work(threading.Event()):
        pass


def imported(
    client: APIClient, content: str | bytes, resource: str = "customers", **members: Any
) -> dict[str, Any]:
    """What an import shows when it has been worked off."""
    answer = hand_in(client, content, resource, **members)
    assert answer.status_code == 202, answer.content
    work_all()
    shown: dict[str, Any] = client.get(f"{IMPORTS}{answer.json()['id']}/").json()
    return shown


def counts(shown: dict[str, Any]) -> dict[str, int]:
    """The counts that are not zero."""
    return {name: shown[name] for name in Import.COUNTS if shown[name]}


def report(client: APIClient, shown: dict[str, Any]) -> list[Problem]:
    """The lines of the report: line, field, code, reason."""
    answer = client.get(f"{IMPORTS}{shown['id']}/report/")
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv")
    header, *lines = csv.reader(io.StringIO(answer.getvalue().decode()))
    assert header == ["line", "field", "code", "reason"]
    return [(int(line or 0), field, code, reason) for line, field, code, reason in lines]
