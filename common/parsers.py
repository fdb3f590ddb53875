"""Request bodies. DRF's parsers, strict about what they would otherwise guess or choke on."""

import codecs
import json
import re
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import IO, Any, NamedTuple

import orjson
from django.http import QueryDict
from django.utils.http import parse_header_parameters
from rest_framework import parsers
from rest_framework.exceptions import ParseError
from rest_framework.permissions import SAFE_METHODS
from rest_framework.request import Request

from common.uploads import require_utf8_form

# An order with its lines is three deep.
DEEPEST = 32
# Members of objects and elements of arrays, all together. A query for 1,000 pairs has 3,000.
MOST_VALUES = 10_000
# What ends the name of a member. Inside of text a quote is escaped, so that most bodies have as
# many of these as their objects have members.
NAME_END = re.compile(rb'"[ \t\r\n]*:')
NOT_UTF8 = "The body is not valid UTF-8."
CONTAINERS = (dict, list)
BIG_NUMBER = re.compile(rb"[0-9]{19}")
TOO_DEEP = "The JSON is nested too deeply."
TOO_MANY = f"The JSON has more than {MOST_VALUES:,} members and elements."


class JSONParser(parsers.JSONParser):
    """JSON of bounded depth and size, in which no object names a member twice."""

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
        size = size_of(content)
        if size.depth > DEEPEST:
            raise ParseError(TOO_DEEP)
        if size.values > MOST_VALUES:
            raise ParseError(TOO_MANY)
        if size.members != len(NAME_END.findall(body)):
            refuse_repeated_names(body.decode())
        return content

    def parse_slowly(self, body: bytes, *about: Any) -> Any:
        """What Python's own parser makes of it, which says best what is wrong."""
        try:
            return super().parse(BytesIO(body), *about)
        except RecursionError as error:
            raise ParseError(TOO_DEEP) from error
        except ParseError as error:
            raise ParseError(json_sentence(error.__context__)) from error


class Size(NamedTuple):
    """How big the content of a body of JSON is."""

    # Arrays and objects inside each other.
    depth: int
    # Members of objects and elements of arrays, all together.
    values: int
    # Members of objects.
    members: int


def size_of(content: Any) -> Size:
    """How big `content` is; in a loop, since it may be as deep as a decoder allows."""
    depth = values = members = 0
    level = [content] if isinstance(content, CONTAINERS) else []
    while level:
        depth += 1
        below: list[Any] = []
        for one in level:
            values += len(one)
            inner: Iterable[Any] = one
            if isinstance(one, dict):
                members += len(one)
                inner = one.values()
            below += [value for value in inner if isinstance(value, CONTAINERS)]
        level = below
    return Size(depth, values, members)


def refuse_repeated_names(text: str) -> None:
    """Raises ParseError if an object in the JSON `text` names a member twice.

    RFC 8259 (4) leaves open which of the two counts: what a proxy has checked may not be what
    is stored.
    """
    # Numbers stay text: there may be some that Python does not read.
    json.loads(text, object_pairs_hook=unique_members, parse_int=str, parse_float=str)


def unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON (`object_pairs_hook`). Raises ParseError for a name that comes twice."""
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        repeated = next(name for name in names if names.count(name) > 1)
        raise ParseError(f"The JSON names the member {repeated[:100]!r} twice in one object.")
    return members


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
        require_utf8_form(form)
        if not asks((parser_context or {})["request"]):
            refuse_repeated_fields(form)
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
        refuse_repeated_fields(parsed.data)
        refuse_replaced(parsed.data)
        return parsed


def asks(request: Request) -> bool:
    """Whether the form of a request is the query of a list, where a filter can come twice."""
    return request.method in SAFE_METHODS


def refuse_repeated_fields(form: QueryDict) -> None:
    """Raises ParseError for a field that comes twice, as for a member of JSON.

    The last would count here, and perhaps another one for whoever has checked the form before.
    """
    for name, values in form.lists():
        if len(values) > 1:
            raise ParseError(f"The form has the field {name[:100]!r} twice.")


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
