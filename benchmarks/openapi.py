"""What Klanten's own document says that there is."""

import requests


def routes(url: str) -> set[str]:
    """The paths of the OpenAPI document, without the slash at the end."""
    document = requests.get(f"{url}/openapi.json", timeout=30).json()
    return {path.rstrip("/") for path in document["paths"]}
