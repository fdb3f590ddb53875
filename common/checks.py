"""What can be wrong with how Klanten is watched, found before the first request."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

from common import personal

SHORTEST_TOKEN = 20


@register()
def metrics_token_cannot_be_guessed(**kwargs: Any) -> list[CheckMessage]:
    """METRICS_TOKEN is not there, or long enough."""
    if not settings.METRICS_TOKEN or len(settings.METRICS_TOKEN) >= SHORTEST_TOKEN:
        return []
    message = f"METRICS_TOKEN needs {SHORTEST_TOKEN} characters or more."
    return [Error(message, id="common.E001")]


@register()
def personal_data_is_declared(**kwargs: Any) -> list[CheckMessage]:
    """Every field that can hold text is known to say something about people, or not to."""
    hint = "Declare it in the app's personal_data.py; see common/personal.py."
    return [
        Error(f"{field} is declared neither personal nor impersonal.", hint=hint, id="common.E002")
        for field in personal.undeclared()
    ]
