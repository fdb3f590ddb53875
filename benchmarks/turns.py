"""Who is measured when: each contender alone, in turns, again and again."""

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import groupby, product
from operator import attrgetter
from statistics import median_low

from benchmarks import data
from benchmarks.load import CONNECTIONS, Load, drive, pgbench, script_of, statements_in
from benchmarks.measure import Spent, forget_statements, memory_mb, shape, shapes, spent
from benchmarks.scenarios import CONTENDERS, LIMIT, Contender, Scenario
from benchmarks.servers import SERVERS, Running, delivering, running
from benchmarks.site import BenchmarkSite

# Until caches are filled and every connection is there.
WARM_UP_SECONDS = 1


@dataclass(frozen=True, slots=True)
class Measured:
    """One turn of one contender in one scenario."""

    scenario: str
    contender: str
    load: Load
    spent: Spent
    shapes: Mapping[str, int] = field(default_factory=dict)
    memory_mb: Sequence[float] = ()

    @property
    def web_ms(self) -> float:
        """CPU of the web processes for one request, in milliseconds."""
        return 1000 * self.spent.web_seconds / self.load.requests

    @property
    def database_ms(self) -> float:
        """CPU of the database for one request, in milliseconds."""
        return 1000 * self.spent.database_seconds / self.load.requests

    @property
    def others(self) -> float:
        """The share of the machine that went to what is none of this run's."""
        return max(0.0, self.spent.others_seconds / self.load.seconds / (os.cpu_count() or 1))

    @property
    def statements(self) -> float:
        """Statements for one request; PostgreSQL does not count a prepared BEGIN or COMMIT."""
        if self.contender == LIMIT:
            return sum(self.shapes.values())
        return self.spent.statements / self.load.requests


@dataclass(frozen=True, slots=True)
class Plan:
    """How long, how often, and by how many at once."""

    seconds: float = 4
    repeat: int = 3
    connections: int = CONNECTIONS


class RefusedError(Exception):
    """Some of a load, or all, was not answered as it should: its rate would mean nothing."""


def all_turns(site: BenchmarkSite, scenarios: Sequence[Scenario], plan: Plan) -> Iterator[Measured]:
    """Every contender in every scenario, in turns: A, B, C, A, B, C, ..."""
    with delivering(site):
        for _ in range(plan.repeat):
            for name, contenders in groupby(CONTENDERS, key=attrgetter("server")):
                # Two credentials of one server are judged by each other: one right after the other.
                pairs = list(product(scenarios, contenders))
                with serving(site, name) as server:
                    for scenario, contender in pairs:
                        if takes_part(contender, scenario):
                            yield turn(site, scenario, contender, server, plan)


def takes_part(contender: Contender, scenario: Scenario) -> bool:
    """Whether a contender is asked: the other credential only where it is judged."""
    return contender.credential == "key" or contender.name in scenario.goals


@contextmanager
def serving(site: BenchmarkSite, name: str | None) -> Iterator[Running | None]:
    """The server of a contender; None for who asks the database itself."""
    if name is None:
        yield None
        return
    with running(SERVERS[name], site) as server:
        yield server


def turn(
    site: BenchmarkSite,
    scenario: Scenario,
    contender: Contender,
    server: Running | None,
    plan: Plan,
) -> Measured:
    """One measurement, after a warm-up; what was written is taken away afterwards."""
    ask(site, scenario, contender, server, Plan(WARM_UP_SECONDS, 1, plan.connections))
    if scenario.writes:
        data.forget_later(site.cluster, site.rows)
    forget_statements(site.cluster)
    pid, role = (server.pid, server.role) if server else (None, "pgbench")
    before = spent(site.cluster, role, pid)
    load = ask(site, scenario, contender, server, plan)
    after = spent(site.cluster, role, pid)
    if load.refused or load.broken or not load.requests:
        raise RefusedError(f"Not as it should be: {contender.name}, {scenario.name}: {load}")
    asked = shapes(site.cluster, role, load.requests) if server else shapes_of_limit(scenario)
    memory = memory_mb(pid) if pid else []
    if scenario.writes:
        data.forget_later(site.cluster, site.rows)
    return Measured(scenario.name, contender.name, load, after - before, asked, memory)


def shapes_of_limit(scenario: Scenario) -> dict[str, int]:
    """What a transaction of the limit's consists of."""
    return dict(Counter(map(shape, statements_in(script_of(scenario.name).read_text()))))


def ask(
    site: BenchmarkSite,
    scenario: Scenario,
    contender: Contender,
    server: Running | None,
    plan: Plan,
) -> Load:
    """The load itself."""
    if server is None:
        variables = {"rows": site.rows, "base": data.FIRST_MILLISECOND, "i": 0}
        return pgbench(
            site.cluster,
            scenario.name,
            variables=variables,
            seconds=plan.seconds,
            directory=site.directory,
            connections=plan.connections,
        )
    return drive(
        server.url,
        scenario.asks(site.rows),
        authorization=site.authorization(contender.credential),
        seconds=plan.seconds,
        directory=site.directory,
        connections=plan.connections,
    )


def middle(measured: Sequence[Measured]) -> Measured:
    """The turn with the median rate."""
    rate = median_low([each.load.rate for each in measured])
    return next(each for each in measured if each.load.rate == rate)
