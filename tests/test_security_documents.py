"""What SECURITY.md and docs/asvs.md name is there, and each requirement has one line."""

import re
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.processes import ROOT

ATTACKS = ROOT / "tests" / "attacks"
DOCUMENTS = ("SECURITY.md", "docs/asvs.md")
# Folders and files of the repository, not addresses, settings or kinds of files.
PATH = re.compile(r"`([a-z_]+/[\w./-]*|[\w-]+\.(?:md|toml))`")
LINK = re.compile(r"\]\(([^):#]+)(?:#[^)]*)?\)")
ROW = re.compile(r"^\| (\d[\d., to]*) \|", re.MULTILINE)
RANGE = re.compile(r"(\d+)\.(\d+)\.(\d+) to (\d+)\.(\d+)\.(\d+)")


def text(document: str) -> str:
    return (ROOT / document).read_text()


def requirements() -> Iterator[str]:
    """Each requirement of the first columns of docs/asvs.md; a range stands for its two ends."""
    for cell in ROW.findall(text("docs/asvs.md")):
        yield from re.findall(r"\d+\.\d+\.\d+", cell)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_file_that_is_named_exists(document: str) -> None:
    named = PATH.findall(text(document))

    assert named
    assert [path for path in named if not (ROOT / path).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_leads_somewhere(document: str) -> None:
    links = LINK.findall(text(document))

    assert links
    assert [each for each in links if not (ROOT / document).parent.joinpath(each).exists()] == []


def test_every_section_that_is_named_exists() -> None:
    for document, section in re.findall(r"\]\(([\w./]+)\), \"([^\"]+)\"", text("docs/asvs.md")):
        assert re.search(rf"^## {section}$", text(f"docs/{document}"), re.MULTILINE), section


def test_each_requirement_has_one_line() -> None:
    counted = Counter(requirements())

    assert len(counted) > 150
    assert [each for each, number in counted.items() if number > 1] == []


def test_no_requirement_lies_in_a_range_as_well() -> None:
    numbers = [tuple(map(int, each.split("."))) for each in requirements()]
    ranges = RANGE.findall(text("docs/asvs.md"))

    assert ranges
    for each in ranges:
        first, last = tuple(map(int, each[:3])), tuple(map(int, each[3:]))
        assert first < last
        assert [number for number in numbers if first < number < last] == []


def test_every_attack_has_a_test() -> None:
    table = text("SECURITY.md").partition("| Attack | Before | Now | Test |")[2]
    cells = [line.split(" | ")[-1] for line in table.partition("\n\n")[0].splitlines()[2:]]
    named = [re.findall(r"`(\w+\.py)`", cell) for cell in cells]

    assert len(named) == 21
    assert all(named)
    missing = [name for names in named for name in names if not (ATTACKS / name).is_file()]
    assert missing == []
