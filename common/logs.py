"""Keeps secrets, and whose they are, out of the log, whoever writes them there."""

import logging
import os
import queue
import re
import sys
import threading
import time
from contextlib import suppress

MASK = "[secret]"

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
    re.compile(pattern, re.VERBOSE)
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
        # Who stands in the row that PostgreSQL refused: its errors quote it.
        r"""
        (?P<kept> \b DETAIL: [ ]{1,2} (?:
            Key [ ] \( [\w, ]{0,100} \b (?: domain | document | customer_app_id | username ) \) =
            | Failing [ ] row [ ] contains [ ]
        ) )
        (?! \[secret\] ) \( [^\r\n]+
        """,
    )
)


def masked(text: str) -> str:
    """`text` without the secrets in it."""
    for pattern in PATTERNS:
        text = pattern.sub(rf"\g<kept>{MASK}", text)
    return text


class MaskSecrets(logging.Filter):
    """Masks the message, its arguments, the traceback and the stack."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = masked(message_of(record))
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
