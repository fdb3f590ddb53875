"""Keeps secrets and personal data out of the log, whoever writes them there.

Names have no form by which they could be known. So an address is written as its pattern
(`/v1/query/{app}/{customer_app_id}/`), what the database says of a row is left out, and e-mail
addresses, phones and CPFs are masked wherever they stand.
"""

import logging
import os
import queue
import re
import sys
import threading
import time
from contextlib import suppress

from django.contrib.admindocs.views import simplify_regex
from django.http import HttpRequest
from django.urls import Resolver404, resolve

MASK = "[secret]"
PERSONAL = "[personal]"

# Each keeps what stands before the secret. Strangers choose some of what is logged, so none may
# take more than linear time: nothing unbounded stands before the word that makes a match rare.
# Up to the quote that closes it, if any; within a string, quotes have backslashes before them,
# and the inner ones more of those.
QUOTED = r"""
    " (?: [^"\\] | \\+ [^\\] )* "? | ' (?: [^'\\] | \\+ [^\\] )* '?
    | (?P<open> \\+ ["'] ) (?: (?! (?<! \\ ) (?P=open) ) [\s\S] )* (?P=open)?
"""
# What has been masked already: a record passes the filters of several handlers.
UNMASKED = r"(?! [\[(]? b? \[secret\] )"
PATTERNS = tuple(
    re.compile(pattern, re.VERBOSE | re.MULTILINE)
    for pattern in (
        # The whole header, also in a dict or a list of pairs.
        rf"""
        (?P<kept>
            (?i: authorization ) (?: \\* ["']? [ \t]* [=:] | ["'], ) [ \t]* {UNMASKED} b?
        )
        (?: {QUOTED} | [^\s"'] [^\r\n"']* )
        """,
        # A credential behind its scheme. Long, or of more than plain words: what follows
        # "token" or "basic" in a sentence stays.
        r"""
        (?P<kept> \b (?i: api-key | bearer | jwt | basic | token ) (?: [ \t]+ | %20 | \+ ) )
        (?= [\w.~+/=-]{20} | [\w.~+/=-]* (?: [0-9~+/=] | [a-z][A-Z] | \.\w ) )
        [\w.~+/=-]{8,}
        """,
        # A value behind the name of something secret, as it stands in a header, a form, a
        # query string, JSON, JSON within JSON, or a repr.
        rf"""
        (?P<kept>
            (?i: password[0-9]? | passwd | secret (?: _?key )? | (?: access | refresh | id )_token
            | code_verifier | client_assertion | api_?key | sessionid | csrf (?: middleware )? token
            )
            \\* ["']? [ \t]* [=:] [ \t]* {UNMASKED} [\[(]? b?
        )
        (?: {QUOTED} | [^\s&"']+ )
        """,
        # The same behind a name that may also be harmless: only if it is long and in one piece.
        r"""
        (?P<kept>
            \b (?i: token | refresh | access | key | code )
            \\* ["']? [ \t]* [=:] [ \t]* [\[(]? b? \\* ["']?
        )
        [\w.~+/=%-]{20,}
        """,
        # The secret in the address at which a gateway calls us.
        rf"(?P<kept> /notifications/africastalking/ ) {UNMASKED} [^/\s?\"']+",
        # What is known by its form, wherever it stands: a JWT, one of our API keys, a private
        # key, a password in an address.
        r"(?P<kept> (?<![\w-]) ) eyJ[\w-]+ \. [\w-]+ \. [\w-]*",
        r"(?P<kept> (?<![\w.-]) ) [A-Za-z0-9]{8} \. [A-Za-z0-9]{32} (?!\w)",
        r"(?P<kept> -----BEGIN[ ][A-Z ]{0,20}PRIVATE[ ]KEY----- ) [^-]+",
        r"(?P<kept> :// [^\s:/@]{0,100} : ) [^\s/?@]+ (?=@)",
        # Whom a list was asked about: a query string in a request's line.
        r"""
        (?P<kept> [?&] (?: phone_number | domain | document | search | to | customer_code ) = )
        (?! \[secret\] ) [^\s&"'#]+
        """,
        # Who stands in the row that PostgreSQL refused: its errors quote it. A key of ids and codes
        # alone says which row it is.
        r"""
        (?P<kept> \b DETAIL: [ ]{1,2} (?:
            Key [ ] \(
            (?!
                (?:
                    (?! customer_app_id ) (?: \w{1,40}_id | id | code | slug )
                    (?: ,[ ] | (?=\)) )
                )+
                \)
            )
            [^=\r\n]{0,200} =
            | Failing [ ] row [ ] contains [ ]
        ) )
        (?! \[secret\] ) \( [^\r\n]+
        """,
        # So do the line of COPY, the excerpt of a statement, and what is no value of its type.
        r"""
        (?P<kept> \b CONTEXT: [ ]{1,2} COPY [ ] \w{1,63} , [ ] line [ ] \d+ )
        (?! \[secret\] ) [^\r\n]+
        """,
        r"(?P<kept> ^ LINE [ ] \d+ : [ ] ) (?! \[secret\] ) [^\r\n]+",
        r"(?P<kept> \b invalid [ ] input [ ] [a-z ]{1,60} : [ ] ) \" [^\r\n]*",
    )
)


# What is personal by its form.
PERSONAL_FORMS = tuple(
    re.compile(pattern, re.VERBOSE)
    for pattern in (
        # An e-mail address, also with its sign encoded.
        r"(?<! [\w.+-] ) [\w.+-]{1,64} (?: @ | %40 ) [\w-]{1,63} (?: \. [\w-]{1,63} ){1,8}",
        # A phone with its country code, in groups or in one.
        r"(?: (?<! [\w+] ) \+ | %2B ) \d (?: [ ().-]{0,2} \d ){6,14} (?! \d )",
        # A phone as dialled at home, in groups.
        r"(?<! [\w.:-] ) 0\d{2,3} [ -] \d{3} [ -]? \d{3,4} (?! [\w-] )",
        # A CPF.
        r"(?<! [\w.-] ) \d{3} \. \d{3} \. \d{3} - \d{2} (?! \w )",
        # Either, as digits alone: longer than what is counted, shorter than most other numbers.
        r"(?<! [\w.:-] ) \d{9,15} (?! [\w-] | \.\d )",
    )
)
# A request's line. A method stands before its path in servers' and in our own lines.
REQUEST_LINE = re.compile(
    r"(?P<method> \b (?: GET | HEAD | POST | PUT | PATCH | DELETE | OPTIONS | TRACE ) [ ] )"
    r"(?P<path> / [^\s\"'?]* )",
    re.VERBOSE,
)


def masked(text: str) -> str:
    """`text` without the secrets and the personal data in it."""
    for pattern in PATTERNS:
        text = pattern.sub(rf"\g<kept>{MASK}", text)
    text = REQUEST_LINE.sub(with_route, text)
    for pattern in PERSONAL_FORMS:
        text = pattern.sub(PERSONAL, text)
    return text


def with_route(line: re.Match[str]) -> str:
    """The beginning of a request's line, with the pattern of its address."""
    path = line["path"]
    return line["method"] + (path if MASK in path else route_of(path))


def route_of(path: str) -> str:
    """The pattern of the address that `path` names: what callers put into it is not in it."""
    try:
        match = resolve(path)
    except Resolver404:
        return f"/{path.split('/')[1]}/..." if path.count("/") > 1 else "/..."
    route: str = simplify_regex(match.route)
    if not (match.kwargs or match.args):
        # A pattern that takes whatever begins so says nothing about the rest.
        return path if path.rstrip("/") == route.rstrip("/") else f"{route}..."
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route)


def without_path(message: str, request: HttpRequest) -> str:
    """`message` with the pattern of the request's address instead of its path, as Django wrote it.

    Django escapes what is not ASCII.
    """
    route = route_of(request.path_info)
    for path in (request.path, request.path.encode("unicode_escape").decode("ascii")):
        if path != route and len(path) > 1:
            message = message.replace(path, route)
    return message


class MaskSecrets(logging.Filter):
    """Masks the message, its arguments, the traceback and the stack."""

    def filter(self, record: logging.LogRecord) -> bool:
        message = message_of(record)
        if isinstance(request := getattr(record, "request", None), HttpRequest):
            message = without_path(message, request)
        record.msg = masked(message)
        record.args = None
        if record.exc_info and not record.exc_text:
            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = masked(record.exc_text)
        if record.stack_info:
            record.stack_info = masked(record.stack_info)
        return True


def message_of(record: logging.LogRecord) -> str:
    """The record's message; without its arguments, where those do not fit.

    An exception here would go to whoever logs, and fail a request that is fine.
    """
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - whatever an argument's own __str__ raises, too
        return f"{record.msg} (its arguments do not fit)"


def mask_handlers(*names: str) -> None:
    """Has what these loggers' own handlers write masked as well: a server's, say."""
    for name in names:
        for handler in logging.getLogger(name).handlers:
            handler.addFilter(MaskSecrets())


# --- Writing it ----------------------------------------------------------------------

LINES_THAT_WAIT = 1000
FLUSH_SECONDS = 2.0


class BackgroundHandler(logging.Handler):
    """Writes to the standard error stream in a thread of its own.

    Whoever logs neither waits nor fails: not for a pipe that nobody reads, a terminal that is
    gone or a disk that is full. What cannot be written is dropped.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lines: queue.Queue[str] = queue.Queue(LINES_THAT_WAIT)
        self.stream = sys.stderr
        self.process = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Hands the line on. The handler's own lock is held, so one thread is started."""
        line = self.format(record)
        if self.process != os.getpid():
            # Also after a fork, which takes no threads along.
            self.process = os.getpid()
            threading.Thread(target=self.write_lines, name="log", daemon=True).start()
        with suppress(queue.Full):
            self.lines.put_nowait(line)

    def write_lines(self) -> None:
        while True:
            line = self.lines.get()
            with suppress(OSError, ValueError, AttributeError):
                self.stream.write(f"{line}\n")
                self.stream.flush()
            self.lines.task_done()

    def flush(self) -> None:
        """Waits for what is to be written, but not for ever. `logging` calls it at the end."""
        end = time.monotonic() + FLUSH_SECONDS
        while self.lines.unfinished_tasks and time.monotonic() < end:
            time.sleep(0.01)
