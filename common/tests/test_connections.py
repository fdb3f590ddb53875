"""It asks a kept connection whether it works only when that has been idle."""

import time

import pytest
from django.core.signals import request_finished, request_started
from django.db import connection

from common import connections


@pytest.fixture
def asked_by_default(db: None) -> None:
    """As Django's own receiver leaves it at the start of each request."""
    connection.ensure_connection()
    connection.health_check_done = False  # type: ignore[attr-defined]  # not in the stubs


@pytest.mark.parametrize(("idle", "believed"), [(0.0, True), (1.0, True), (60.0, False)])
def test_believes_what_was_just_used(
    asked_by_default: None, monkeypatch: pytest.MonkeyPatch, idle: float, believed: bool
) -> None:
    connections.note_use()
    now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + idle)

    connections.believe_recent()

    assert connection.health_check_done is believed  # type: ignore[attr-defined]


def test_listens_after_django(asked_by_default: None) -> None:
    connections.check_only_the_idle()
    try:
        keys = [key[0] for key, *_ in request_started.receivers]
        assert keys[-1] == "common.connections.believe_recent"
        assert "common.connections.note_use" in [key[0] for key, *_ in request_finished.receivers]
    finally:
        request_started.disconnect(dispatch_uid="common.connections.believe_recent")
        request_finished.disconnect(dispatch_uid="common.connections.note_use")
