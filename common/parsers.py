"""Request bodies. DRF's parsers, strict about what they would otherwise guess or choke on."""

import codecs
import json
from collections.abc import Mapping
from typing import IO, Any

from django.http import QueryDict
from rest_framework import parsers
from rest_framework.exceptions import ParseError

NOT_UTF8 = "The body is not valid UTF-8."


class JSONParser(parsers.JSONParser):
    """JSON. A body nested so deeply that the decoder gives up is a 400, not a 500."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        try:
            return super().parse(stream, media_type, parser_context)
        except RecursionError as error:
            raise ParseError("The JSON is nested too deeply.") from error
        except ParseError as error:
            raise ParseError(json_sentence(error.__context__)) from error


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
        refuse_replaced(parsed.data)
        return parsed


def refuse_replaced(form: QueryDict) -> QueryDict:
    """`form`, unless decoding put a replacement character where bytes made no sense."""
    replacement = codecs.decode(b"\xff", "utf-8", "replace")
    if any(replacement in text for key, values in form.lists() for text in (key, *values)):
        raise ParseError(NOT_UTF8)
    return form
