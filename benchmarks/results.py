"""Where figures go: `benchmarks/results/`, as Markdown and JSON, with where they come from."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.processes import ROOT

DIRECTORY = ROOT / "benchmarks" / "results"
PRODUCT_PACKAGES = ("Django", "djangorestframework", "granian", "psycopg2-binary")


def markdown(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; its columns are as wide as they need to be."""
    cells = [list(headers), *map(list, rows)]
    widths = [max(len(row[n]) for row in cells) for n in range(len(headers))]
    lines = [" | ".join(cell.ljust(widths[n]) for n, cell in enumerate(row)) for row in cells]
    lines.insert(1, " | ".join("-" * width for width in widths))
    return "\n".join(f"| {line} |" for line in lines)


def origin(database: str) -> dict[str, str]:
    """The machine, the versions and the commit that figures belong to."""
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit(),
        "machine": machine(),
        "system": f"{platform.system()} {platform.release()}",
        "PostgreSQL": re.sub(r"^.*\) ", "", database),
        "Python": platform.python_version(),
        "Klanten": ", ".join(f"{name} {version(name)}" for name in PRODUCT_PACKAGES),
        "peers": ", ".join(pins((ROOT / "benchmarks" / "requirements.txt").read_text())),
    }


def pins(requirements: str) -> list[str]:
    """The packages of a requirements file with their versions."""
    found = re.findall(r"^([\w-]+)(?:\[\w+\])?==(\S+)", requirements, re.MULTILINE)
    return [f"{name} {number}" for name, number in found]


def commit() -> str:
    """The commit that is checked out, and whether the files are as it has them."""
    head = git("rev-parse", "--short", "HEAD") or "unknown"
    return f"{head} with changes" if git("status", "--porcelain") else head


def git(*arguments: str) -> str:
    """What git says; "" where there is no repository."""
    done = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def machine() -> str:
    """Processor, how many of it, and memory."""
    about = Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.*)$", about, re.MULTILINE)
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    name = model[1] if model else platform.machine()
    return f"{name}, {os.cpu_count()} cores, {gigabytes:.0f} GB"


def plain(figure: Any) -> dict[str, Any]:
    """A dataclass as JSON has it, with the rate of its load."""
    content: dict[str, Any] = asdict(figure)
    load = getattr(figure, "load", None)
    return content if load is None else {**content, "rate": load.rate}


def write(name: str, text: str, figures: Any, about: Mapping[str, str]) -> Path:
    """Keeps a table and its figures; where the table is. The name carries time and commit."""
    moment = about["time"][:16].replace("-", "").replace(":", "").replace("T", "-")
    stem = f"{moment}-{about['commit'].split()[0]}-{name}"
    DIRECTORY.mkdir(exist_ok=True)
    lines = [f"- {key}: {value}" for key, value in about.items()]
    table = DIRECTORY / f"{stem}.md"
    content = json.dumps({"about": dict(about), "figures": figures}, indent=1)
    table.with_suffix(".json").write_text(f"{content}\n")
    table.write_text(f"# {name}\n\n" + "\n".join(lines) + f"\n\n{text}\n")
    return table
