"""All that a run needs around the servers that it measures: data, a key, a scratch directory."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks import contract, data
from benchmarks.cluster import cluster
from benchmarks.load import wrk_program
from benchmarks.openapi import routes
from benchmarks.processes import NotInstalledError
from benchmarks.scenarios import SCENARIOS, Scenario
from benchmarks.servers import (
    PEERS_BIN,
    PRODUCT,
    SERVERS,
    Site,
    client_token,
    manage,
    running,
    secrets_in,
)


@dataclass(frozen=True, slots=True)
class BenchmarkSite(Site):
    """A cluster with `rows` rows in each table, and credentials for who asks."""

    rows: int = 0
    key: str = ""
    token: str = ""

    def authorization(self, credential: str) -> str:
        """The header's value for a Contender's `credential`."""
        return f"Bearer {self.token}" if credential == "bearer" else f"Api-Key {self.key}"

    def with_rows(self, rows: int) -> "BenchmarkSite":
        """The same with more rows."""
        data.extend(self.cluster, self.rows + 1, rows)
        return replace(self, rows=rows)


def check_installed() -> None:
    """Raises NotInstalledError, with what to do, unless all that a run needs is here."""
    wrk_program()
    if not (PEERS_BIN / "uvicorn").exists():
        raise NotInstalledError(
            "The peers are not installed. Run: make bench (it installs them first)"
        )


@contextmanager
def prepared(rows: int) -> Iterator[BenchmarkSite]:
    """A migrated, filled database; its key may do everything."""
    check_installed()
    with (
        cluster() as database,
        tempfile.TemporaryDirectory(prefix="klanten-bench-", ignore_cleanup_errors=True) as scratch,
    ):
        directory = Path(scratch)
        site = BenchmarkSite(database, directory, secrets_in(directory))
        manage(site, "migrate", "--noinput", "--verbosity", "0")
        key = manage(site, "create_api_key", "Benchmark").splitlines()[-1]
        data.share_key(database)
        with running(PRODUCT, site) as product:
            token = client_token(site, product.url)
        yield replace(site, key=key, token=token).with_rows(rows)


def available(site: BenchmarkSite, names: list[str]) -> tuple[list[Scenario], list[Scenario]]:
    """Those scenarios whose route Klanten has, and the others."""
    with running(PRODUCT, site) as product:
        known = routes(product.url)
    wanted = [SCENARIOS[name] for name in names]
    present = [each for each in wanted if each.route is None or each.route in known]
    return present, [each for each in wanted if each not in present]


def check_contract(site: BenchmarkSite, scenarios: list[Scenario]) -> None:
    """Raises contract.ContractError unless each peer answers as Klanten does.

    Nothing is delivered meanwhile: an order shows what becomes of its SMS.
    """
    found = {name: answers_of(site, name, scenarios) for name in SERVERS}
    for name, answers in found.items():
        contract.compare(name, answers, found[PRODUCT.name])


def answers_of(site: BenchmarkSite, name: str, scenarios: list[Scenario]) -> contract.Answers:
    """What a server answers; the order that it was given is taken away again."""
    with running(SERVERS[name], site, workers=1) as server:
        try:
            found = contract.answers(server, site.authorization("key"), scenarios, site.rows)
        except contract.ContractError as error:
            log = (site.directory / f"{name}.log").read_text()
            raise contract.ContractError(f"{name}: {error}\n{log[-2000:]}") from error
    data.forget_later(site.cluster, site.rows)
    return found
