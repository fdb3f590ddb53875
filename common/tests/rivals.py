"""Somebody else who asks at the same time."""

from threading import Barrier, Event
from typing import Any

from django.db import connection
from rest_framework.test import APIClient

# Seconds; only a broken test takes so long.
PATIENCE = 30.0


def post(key: str, path: str, body: dict[str, str], started: Barrier | Event) -> tuple[int, Any]:
    """The answer to a POST, from a thread and a connection of its own.

    At a barrier it waits for the others first; an event is set as it starts.
    """
    client = APIClient(HTTP_AUTHORIZATION=f"Api-Key {key}")
    try:
        if isinstance(started, Barrier):
            started.wait(PATIENCE)
        else:
            started.set()
        response = client.post(path, body)
        return response.status_code, response.json()
    finally:
        connection.close()
