"""Multipart bodies, for the API and for pages alike.

Django asks the first of FILE_UPLOAD_HANDLERS whether it reads a body itself. `FormReader` does:
it runs Django's own parser, but checks the header of each part first. It refuses files unless a
view has called `take_file`, once it knows that the caller may send one; until then nothing is
written to the disk.
"""

import re
from collections.abc import Callable
from typing import Any, TypeVar

from django.conf import settings
from django.core.exceptions import RequestDataTooBig, TooManyFieldsSent
from django.core.files.uploadhandler import (
    FileUploadHandler,
    MemoryFileUploadHandler,
    TemporaryFileUploadHandler,
)
from django.http import HttpRequest, QueryDict
from django.http.multipartparser import MultiPartParser

from common.encodings import require_utf8, require_utf8_part
from common.errors import Malformed

View = TypeVar("View", bound=Callable[..., Any])

# What Django takes.
LONGEST_PART_HEADER = 1024
HEADER_END = b"\r\n\r\n"
CHARSET_FIELD = "_charset_"


class PartHeaders:
    """The body as it came, for Django's parser; the header of each part is looked at in passing.

    Raises UnsupportedEncoding, or TooManyFieldsSent for more parts than a form may have.
    """

    def __init__(self, body: Any, boundary: bytes) -> None:
        self.body = body
        # Django needs no line break behind the boundary.
        header = rb"--%b(.{0,%d}?)\r\n\r\n" % (re.escape(boundary), LONGEST_PART_HEADER)
        self.header = re.compile(header, re.DOTALL)
        self.longest = len(boundary) + LONGEST_PART_HEADER + 2 * len(HEADER_END)
        # What has been read last: a header may go on in the next block.
        self.rest = b""
        self.parts = 0

    def read(self, size: int) -> bytes:
        """The next bytes."""
        block: bytes = self.body.read(size)
        seen = self.rest + block
        looked_at = 0
        for part in self.header.finditer(seen):
            require_utf8_part(part[1])
            self.parts += 1
            looked_at = part.end()
        if self.parts > settings.DATA_UPLOAD_MAX_NUMBER_FIELDS:
            raise TooManyFieldsSent("There are too many parts.")
        self.rest = seen[max(looked_at, len(seen) - self.longest) :]
        return block


class NoFiles(FileUploadHandler):
    """Refuses files."""

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        raise Malformed("No file is taken here.")

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Nothing: no file has begun."""

    def file_complete(self, file_size: int) -> None:
        """Nothing: no file has begun."""


class FormReader(FileUploadHandler):
    """Reads a multipart body of at most MAX_BODY_BYTES, without files."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, str],  # noqa: N803 - Django's name
        content_length: int,
        boundary: Any,
        encoding: str | None = None,
    ) -> Any:
        if content_length > self.longest():
            raise RequestDataTooBig("The body is too large.")
        body: Any = PartHeaders(input_data, boundary)
        parser = MultiPartParser(META, body, self.handlers(), "utf-8")
        form, files = parser.parse()
        require_utf8_form(form)
        return form, files

    def longest(self) -> int:
        """How many bytes a body may have."""
        return int(settings.DATA_UPLOAD_MAX_MEMORY_SIZE)

    def handlers(self) -> list[FileUploadHandler]:
        """What becomes of files."""
        return [NoFiles(self.request)]

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        """Nothing: the body is read by `handle_raw_input`."""

    def file_complete(self, file_size: int) -> None:
        """Nothing: the body is read by `handle_raw_input`."""


class FormReaderWithFile(FormReader):
    """Reads a multipart body of at most MAX_UPLOAD_BYTES, with a file."""

    def longest(self) -> int:
        return int(settings.MAX_UPLOAD_BYTES)

    def handlers(self) -> list[FileUploadHandler]:
        return [MemoryFileUploadHandler(self.request), TemporaryFileUploadHandler(self.request)]


def require_utf8_form(form: QueryDict) -> None:
    """Raises UnsupportedEncoding if a form says by its field `_charset_` that it is not UTF-8."""
    for name in form.getlist(CHARSET_FIELD):
        require_utf8(name)


def takes_file(permission: str) -> Callable[[View], View]:
    """Marks a view of the admin as one to which staff with `permission` may send a file."""

    def marked(view: View) -> View:
        view.takes_file_of = permission  # type: ignore[attr-defined]
        return view

    return marked


def take_file(request: HttpRequest) -> None:
    """Lets the body of `request`, which has not been read, have a file.

    For a caller who is known, and may send one.
    """
    request.upload_handlers = [FormReaderWithFile(request)]
