"""How much slow clients may hold, for how long. All numbers are for one worker process."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes, seconds, and numbers of requests."""

    # A longer body needs a valid credential, and goes to a temporary file.
    small_body: int = 65_536
    # A body has `grace` seconds, and one more for each `bytes_per_second` that have come.
    grace: float = 10.0
    bytes_per_second: int = 16_384
    # Bodies that are not complete yet, in memory and in files.
    small_bodies: int = 256
    large_bodies: int = 32
    # An answer is sent in pieces; a reader must take each in so many seconds.
    piece: int = 65_536
    piece_seconds: float = 10.0
    # Bytes of answers that slow readers have not taken yet.
    unsent_bytes: int = 32 * 1024 * 1024
    # What is collected of a streamed answer before it goes to a temporary file.
    spooled_in_memory: int = 1024 * 1024
    # Requests that wait for a processing thread.
    waiting: int = 512


LIMITS = Limits()
