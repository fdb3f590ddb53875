"""The load: wrk for those who speak HTTP, pgbench for the limit. Both ask as often as they can."""

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

from benchmarks.cluster import Cluster
from benchmarks.processes import NotInstalledError

HERE = Path(__file__).resolve().parent
CONNECTIONS = 16


@dataclass(frozen=True, slots=True)
class Ask:
    """One request. The body is JSON, in one line."""

    path: str
    method: str = "GET"
    body: str = ""


@dataclass(frozen=True, slots=True)
class Load:
    """What came of a load. `refused` were answered with an error, `broken` not at all."""

    requests: int
    seconds: float
    p50_ms: float
    p99_ms: float
    refused: int = 0
    broken: int = 0

    @property
    def rate(self) -> float:
        """Answers per second."""
        return self.requests / self.seconds


def wrk_program() -> str:
    """Where wrk is. Raises NotInstalledError when it is nowhere."""
    if found := shutil.which("wrk"):
        return found
    raise NotInstalledError("wrk is not here. On Debian: apt-get install wrk")


def drive(
    url: str,
    asks: Sequence[Ask],
    *,
    authorization: str,
    seconds: float,
    directory: Path,
    connections: int = CONNECTIONS,
) -> Load:
    """Sends `asks` in turns over kept connections, for whole seconds."""
    file = directory / "requests.tsv"
    file.write_text("".join(f"{ask.method}\t{ask.path}\t{ask.body}\n" for ask in asks))
    command = [wrk_program(), "--threads", "1", "--connections", str(connections)]
    command += ["--duration", f"{max(1, round(seconds))}s", "--timeout", "30s"]
    command += ["--script", str(HERE / "requests.lua"), url, "--", str(file), authorization]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return parse_wrk(done.stdout)


def parse_wrk(printed: str) -> Load:
    """What `requests.lua` wrote as the last line of wrk's output."""
    return Load(**json.loads(printed.splitlines()[-1]))


def script_of(name: str) -> Path:
    """The pgbench script of a scenario."""
    return HERE / "pgbench" / f"{name}.sql"


def statements_in(script: str) -> list[str]:
    """The statements of a pgbench script, each in a line of its own."""
    return [line for line in script.splitlines() if line and not line.startswith(("--", "\\"))]


def pgbench(
    cluster: Cluster,
    script: str,
    *,
    variables: Mapping[str, object],
    seconds: float,
    directory: Path,
    connections: int = CONNECTIONS,
) -> Load:
    """Runs the script of a scenario, prepared: the same statements, and nobody between."""
    for log in directory.glob("pgbench_log.*"):
        log.unlink()
    command = [str(cluster.binaries / "pgbench"), "--no-vacuum", "--protocol", "prepared"]
    command += ["--client", str(connections), "--jobs", "1", "--time", str(max(1, round(seconds)))]
    command += ["--file", str(script_of(script)), "--log"]
    command += [f"--define={name}={value}" for name, value in variables.items()]
    command += ["--host", "127.0.0.1", "--port", str(cluster.port), "--username", "pgbench"]
    done = subprocess.run(
        [*command, "klanten"], check=False, capture_output=True, text=True, cwd=directory
    )
    if done.returncode or "aborted" in done.stderr:
        raise RuntimeError(f"pgbench {script}: {done.stderr}")
    lines = [line for log in directory.glob("pgbench_log.*") for line in log.open()]
    return parse_pgbench(lines, seconds=max(1, round(seconds)))


def parse_pgbench(lines: Sequence[str], *, seconds: float) -> Load:
    """What pgbench's log says: the third column is a transaction's time in microseconds."""
    times = [int(line.split()[2]) / 1000 for line in lines]
    percentiles = quantiles(times, n=100)
    return Load(len(times), seconds, percentiles[49], percentiles[98])
