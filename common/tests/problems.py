"""What every refusal must look like."""

from typing import Any

# The id of nothing.
UNKNOWN_ID = "01890a5d-ac96-774b-bcce-b302099a8057"

MEMBERS = {"type", "title", "status", "detail", "code", "error", "errors", "request_id"}


def problem(response: Any, status: int) -> dict[str, Any]:
    """The body of a refusal with this status, which is a whole problem document."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body: dict[str, Any] = response.json()
    assert set(body) == MEMBERS
    assert body["status"] == status
    assert body["detail"]
    assert body["error"] == body["detail"]
    assert body["request_id"] == response["X-Request-ID"]
    return body


def wrong_fields(response: Any, status: int = 400) -> dict[str, str]:
    """Which members a refusal names, each with its code."""
    return {error["field"]: error["code"] for error in problem(response, status)["errors"]}
