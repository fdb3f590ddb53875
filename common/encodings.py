"""The one encoding that is taken: UTF-8, and ASCII as a part of it.

Python knows a hundred more by name, of which some decode in quadratic time (punycode, idna) or
are none for text (zlib, hex). Whatever names another one is refused before anything is decoded.
"""

import re
from urllib.parse import unquote_to_bytes

from common.errors import UnsupportedEncoding

NAMES = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})
NAME = '"?(?:utf-?8|(?:us-)?ascii)"?'
LONGEST_CONTENT_TYPE = 500
# Each mention of a charset in a Content-Type has to be one of these.
GOOD_CHARSET = re.compile(rf";\s*charset\s*=\s*{NAME}\s*(?=;|$)", re.IGNORECASE)
# In the header fields of a part: an extended parameter's encoding (RFC 2231: `name*=utf-8''x`,
# `name*0*=utf-8''x`), and the charset of the part.
EXTENDED = re.compile(rb"\*\s*=\s*\"?([^'\";\r\n]*)'")
PART_CHARSET = re.compile(
    rb"^content-type:[^\r\n]*?;\s*charset\s*=\s*([^;\r\n]*)", re.IGNORECASE | re.MULTILINE
)
NOT_UTF8 = "Only UTF-8 is taken."


def is_readable(content_type: str) -> bool:
    """Whether a Content-Type can be left to libraries: no encoding but UTF-8 is named in it.

    An extended parameter (RFC 2231) would be decoded as it asks for, and none is needed here.
    """
    if len(content_type) > LONGEST_CONTENT_TYPE or "*" in content_type:
        return False
    mentions = content_type.lower().count("charset")
    return not mentions or len(GOOD_CHARSET.findall(content_type)) == mentions


def require_utf8_part(header: bytes) -> None:
    """Raises UnsupportedEncoding if the header of a multipart part names another encoding."""
    for name in (*EXTENDED.findall(header), *PART_CHARSET.findall(header)):
        require_utf8(name.decode("latin-1"))


def require_utf8(name: str) -> None:
    """Raises UnsupportedEncoding unless `name` is one of UTF-8's."""
    if name.strip(' \t"').lower() not in NAMES:
        raise UnsupportedEncoding(NOT_UTF8)


def is_utf8(query: str) -> bool:
    """Whether a query string, as WSGI has it, is UTF-8 once it is unescaped."""
    if "%" not in query and query.isascii():
        return True
    try:
        unquote_to_bytes(query.encode("latin-1")).decode()
    except UnicodeDecodeError:
        return False
    return True
