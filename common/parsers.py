"""Request bodies. DRF's parsers, strict about what they would otherwise guess or choke on."""

import codecs
import json
import re
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import IO, Any

import orjson
from django.http import QueryDict
from django.utils.http import parse_header_parameters
from rest_framework import parsers
from rest_framework.exceptions import ParseError

# An order with its lines is three deep.
DEEPEST = 32
NOT_UTF8 = "The body is not valid UTF-8."
BIG_NUMBER = re.compile(rb"[0-9]{19}")
TOO_DEEP = "The JSON is nested too deeply."


class JSONParser(parsers.JSONParser):
    """JSON. A body nested so deeply that the decoder gives up is a 400, not a 500."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        body = stream.read()
        try:
            # What does not fit into 64 bits would come as a float.
            content = None if BIG_NUMBER.search(body) else orjson.loads(body)
        except orjson.JSONDecodeError:
            content = None
        if content is None:
            content = self.parse_slowly(body, media_type, parser_context)
        if body.count(b"[") + body.count(b"{") > DEEPEST and deeper_than(content, DEEPEST):
            raise ParseError(TOO_DEEP)
        return content

    def parse_slowly(self, body: bytes, *about: Any) -> Any:
        """What Python's own parser makes of it, which says best what is wrong."""
        try:
            return super().parse(BytesIO(body), *about)
        except RecursionError as error:
            raise ParseError(TOO_DEEP) from error
        except ParseError as error:
            raise ParseError(json_sentence(error.__context__)) from error


def deeper_than(content: Any, most: int) -> bool:
    """Whether more than `most` arrays and objects lie inside each other in `content`."""
    level = containers([content])
    for _ in range(most):
        if not level:
            return False
        level = containers(
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
        )
    return bool(level)


def containers(values: Iterable[Any]) -> list[dict[str, Any] | list[Any]]:
    """The arrays and objects among `values`."""
    return [value for value in values if isinstance(value, dict | list)]


def json_sentence(reason: BaseException | None) -> str:
    """What is wrong with a body that should be JSON, without the words of a library."""
    match reason:
        case json.JSONDecodeError(msg=what, lineno=line, colno=column):
            return f"The body is not valid JSON: {what} (line {line}, column {column})."
        case UnicodeDecodeError():
            return NOT_UTF8
        case _:
            return "The body is not valid JSON."


class FormParser(parsers.FormParser):
    """Form data. Bytes that are no UTF-8 are refused; Django would read them as Latin-1."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            form = QueryDict(stream.read().decode("utf-8"), encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ParseError(NOT_UTF8) from error
        return refuse_replaced(form)


class MultiPartParser(parsers.MultiPartParser):
    """Multipart form data, with the same rule for bytes that are no UTF-8."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> "parsers.DataAndFiles[Any, Any]":
        parsed = super().parse(stream, media_type, parser_context)
        if not (parsed.data or parsed.files) and has_content(media_type, parser_context):
            raise ParseError("The multipart body has no parts.")
        refuse_replaced(parsed.data)
        return parsed


def has_content(media_type: str | None, parser_context: Mapping[str, Any] | None) -> bool:
    """Whether a multipart body is longer than the one delimiter of an empty form."""
    _, options = parse_header_parameters(media_type or "")
    length = (parser_context or {})["request"].META.get("CONTENT_LENGTH") or 0
    return int(length) > len(f"--{options.get('boundary', '')}--\r\n\r\n")


def refuse_replaced(form: QueryDict) -> QueryDict:
    """`form`, unless decoding put a replacement character where bytes made no sense."""
    replacement = codecs.decode(b"\xff", "utf-8", "replace")
    if any(replacement in text for key, values in form.lists() for text in (key, *values)):
        raise ParseError(NOT_UTF8)
    return form
