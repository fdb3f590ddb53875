"""The one table: every contender in every scenario, and what Klanten is beside each."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from benchmarks.results import markdown, plain
from benchmarks.scenarios import CONTENDERS, LIMIT, PRODUCT, SCENARIOS
from benchmarks.turns import Measured, middle

HEADERS = (
    "Who",
    "requests/s",
    "p50 ms",
    "p99 ms",
    "web CPU ms",
    "database CPU ms",
    "statements",
    "MB each",
    "others' CPU",
    "Klanten is",
    "goal",
)
# Scenario, then contender.
Medians = Mapping[str, Mapping[str, Measured]]


def medians(measured: Sequence[Measured]) -> Medians:
    """The median turn of each contender in each scenario, in the order of their turns."""
    names = dict.fromkeys(each.scenario for each in measured)
    return {
        name: {
            contender.name: middle(turns)
            for contender in CONTENDERS
            if (
                turns := [
                    e for e in measured if (e.scenario, e.contender) == (name, contender.name)
                ]
            )
        }
        for name in names
    }


def ratio(scenario: Mapping[str, Measured], contender: str) -> float:
    """How many times a contender's rate Klanten's is; for another credential, the reverse."""
    of = (PRODUCT.name, contender)
    over, under = reversed(of) if contender.startswith(f"{PRODUCT.name}-") else of
    return scenario[over].load.rate / scenario[under].load.rate


def render(found: Medians) -> str:
    """The table of each scenario, with what the limit's script leaves out."""
    return "\n\n".join(section(name, scenario) for name, scenario in found.items())


def section(name: str, scenario: Mapping[str, Measured]) -> str:
    goals = SCENARIOS[name].goals
    rows = [
        row(contender.title, scenario[contender.name], verdict(scenario, contender.name, goals))
        for contender in CONTENDERS
        if contender.name in scenario
    ]
    parts = [f"## {SCENARIOS[name].title}", markdown(HEADERS, rows)]
    if beyond := more_than_limit(scenario):
        parts.append(f"Klanten's statements that the limit does not have: {beyond}.")
    return "\n\n".join(parts)


def row(title: str, measured: Measured, judged: tuple[str, str]) -> list[str]:
    load = measured.load
    memory = max(measured.memory_mb, default=0)
    return [
        title,
        f"{load.rate:,.0f}",
        f"{load.p50_ms:.1f}",
        f"{load.p99_ms:.1f}",
        f"{measured.web_ms:.2f}",
        f"{measured.database_ms:.2f}",
        f"{measured.statements:.1f}",
        f"{memory:.0f}" if memory else "",
        f"{measured.others:.0%}",
        *judged,
    ]


def verdict(
    scenario: Mapping[str, Measured], contender: str, goals: Mapping[str, float]
) -> tuple[str, str]:
    """What Klanten is beside a contender, and whether that is as it should be."""
    if contender == PRODUCT.name or PRODUCT.name not in scenario:
        return "", ""
    times = ratio(scenario, contender)
    goal = goals.get(contender)
    said = "" if goal is None else f"{goal:g}: {'met' if times >= goal else 'missed'}"
    return f"{times:.2f} x", said


def more_than_limit(scenario: Mapping[str, Measured]) -> str:
    """The statements of a request of Klanten's that are not in the limit's script."""
    if not {PRODUCT.name, LIMIT} <= set(scenario):
        return ""
    beyond = Counter(scenario[PRODUCT.name].shapes) - Counter(scenario[LIMIT].shapes)
    return ", ".join(f"{count} x {shape}" for shape, count in beyond.items())


def figures(measured: Sequence[Measured]) -> list[dict[str, Any]]:
    """Every turn, for who wants to compare."""
    return [
        {**plain(each), "web_ms": each.web_ms, "database_ms": each.database_ms} for each in measured
    ]
