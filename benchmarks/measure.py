"""What a load costs: CPU by whose it is, memory, statements."""

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.cluster import Cluster

PROC = Path("/proc")
TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
# In /proc/<pid>/stat, counted from behind the name in parentheses (proc(5)).
PARENT, OWN_CPU, CHILDREN_CPU = 1, slice(11, 13), slice(13, 15)


@dataclass(frozen=True, slots=True)
class Spent:
    """CPU seconds of the web processes and of their database connections, and statements.

    `others_seconds` is the CPU of whatever else goes on on the machine: figures that were taken
    beside much of that say little.
    """

    web_seconds: float = 0.0
    database_seconds: float = 0.0
    statements: int = 0
    others_seconds: float = 0.0

    def __sub__(self, earlier: "Spent") -> "Spent":
        return Spent(
            self.web_seconds - earlier.web_seconds,
            self.database_seconds - earlier.database_seconds,
            self.statements - earlier.statements,
            self.others_seconds - earlier.others_seconds,
        )


def stat_fields(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat behind the program's name; none if it has ended."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return []


def parents() -> dict[int, int]:
    """The parent of each process."""
    pids = [int(path.name) for path in PROC.iterdir() if path.name.isdecimal()]
    return {pid: int(fields[PARENT]) for pid in pids if (fields := stat_fields(pid))}


def tree(root: int) -> Iterator[int]:
    """A process and all that descends from it."""
    known = parents()
    level = [root]
    while level:
        yield from level
        level = [pid for pid, parent in known.items() if parent in level]


def cpu_seconds(pid: int) -> float:
    """User and system time of a process, and of those of its children that have ended."""
    fields = stat_fields(pid)
    ticks = sum(map(int, fields[OWN_CPU])) + reaped_ticks(fields)
    return ticks / TICKS_PER_SECOND


def reaped_ticks(fields: list[str]) -> int:
    return sum(map(int, fields[CHILDREN_CPU]))


def database_seconds(cluster: Cluster, role: str) -> float:
    """CPU of the role's connections: of those there are, and of all that have ended."""
    postmaster = cluster.postmaster
    ended = reaped_ticks(stat_fields(postmaster)) / TICKS_PER_SECOND
    backends = [pid for pid, parent in parents().items() if parent == postmaster]
    mine = [pid for pid in backends if title(pid).startswith(f"postgres: {role} ")]
    return ended + sum(map(cpu_seconds, mine))


def title(pid: int) -> str:
    """What a process calls itself; PostgreSQL's connections name their role."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().decode(errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""


def statements(cluster: Cluster, role: str) -> int:
    """How many statements the role has sent, BEGIN and COMMIT among them."""
    connection = cluster.connect()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT coalesce(sum(calls), 0) FROM pg_stat_statements s"
            " JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = %s",
            [role],
        )
        (count,) = cursor.fetchall()[0]
    connection.close()
    return int(count)


def shapes(cluster: Cluster, role: str, requests: int) -> dict[str, int]:
    """What a request of the role's consists of: its statements by verb and tables."""
    connection = cluster.connect()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT query, calls FROM pg_stat_statements s"
            " JOIN pg_roles r ON r.oid = s.userid WHERE r.rolname = %s",
            [role],
        )
        found: Counter[str] = Counter()
        for query, calls in cursor.fetchall():
            found[shape(query)] += calls
    connection.close()
    # What happens now and then (a key that is looked up anew) is none of a request's own.
    each = {name: round(calls / requests) for name, calls in found.items()}
    return {name: calls for name, calls in each.items() if calls}


def shape(query: str) -> str:
    """A statement's verb and the tables that it names."""
    verb = re.split(r"[^a-zA-Z]", query.strip(), maxsplit=1)[0].upper()
    tables = re.findall(r'(?:from|into|join|update)\s+"?([a-z_]+)', query, re.IGNORECASE)
    return " ".join([verb, *sorted(tables)])


def forget_statements(cluster: Cluster) -> None:
    """Counts statements from 0 again."""
    connection = cluster.connect()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_statements_reset()")
    connection.close()


def spent(cluster: Cluster, role: str, pid: int | None) -> Spent:
    """What has been spent so far by the server `pid` (if there is one) and its role."""
    web = sum(map(cpu_seconds, tree(pid))) if pid else 0.0
    others = busy_seconds() - sum(
        cpu_seconds(each) for root in (os.getpid(), cluster.postmaster) for each in tree(root)
    )
    return Spent(web, database_seconds(cluster, role), statements(cluster, role), others)


def busy_seconds() -> float:
    """CPU time that the machine has spent on processes (proc(5): user, nice, system)."""
    ticks = (PROC / "stat").read_text().split(maxsplit=4)[1:4]
    return sum(map(int, ticks)) / TICKS_PER_SECOND


def memory_mb(root: int) -> list[float]:
    """Resident memory (RSS) of each process below `root`, the largest first, in MB."""
    sizes = (kilobytes(pid, "VmRSS") / 1024 for pid in tree(root) if pid != root)
    return sorted(sizes, reverse=True)


def kilobytes(pid: int, name: str) -> int:
    """A line of /proc/<pid>/status; 0 when the process has ended."""
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{name}:")), 0)
