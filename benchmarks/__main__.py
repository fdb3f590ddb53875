"""`python -m benchmarks [scenario ...] [--seconds N] [--repeat N] [--rows N]`: the table."""

import argparse
import sys

from benchmarks import results, table
from benchmarks.contract import ContractError
from benchmarks.processes import NotInstalledError
from benchmarks.scenarios import SCENARIOS
from benchmarks.site import available, check_contract, prepared
from benchmarks.turns import Measured, Plan, RefusedError, all_turns


def main() -> int:
    """Measures, prints the table, and keeps it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("scenarios", nargs="*", metavar="scenario", help=", ".join(SCENARIOS))
    parser.add_argument("--seconds", type=int, default=4, help="of each turn; default: 4")
    parser.add_argument("--repeat", type=int, default=3, help="turns of each; default: 3")
    parser.add_argument("--rows", type=int, default=100_000, help="default: 100000")
    given = parser.parse_args()
    if unknown := set(given.scenarios) - set(SCENARIOS):
        parser.error(f"There is no scenario {', '.join(sorted(unknown))}.")
    try:
        plan = Plan(given.seconds, given.repeat)
        return measure(given.scenarios or list(SCENARIOS), plan, given.rows)
    except (NotInstalledError, ContractError, RefusedError) as error:
        print(error, file=sys.stderr)
        return 1


def measure(names: list[str], plan: Plan, rows: int) -> int:
    """Runs the plan for these scenarios."""
    say(f"A cluster with {rows:,} rows in each table ...")
    with prepared(rows) as site:
        scenarios, absent = available(site, names)
        say("Do the peers answer as Klanten does?")
        check_contract(site, scenarios)
        measured = []
        for each in all_turns(site, scenarios, plan):
            measured.append(each)
            say(progress(each))
        about = results.origin(site.cluster.version)
    text = table.render(table.medians(measured))
    text += "".join(f"\n\n{each.title}: Klanten has no such route yet." for each in absent)
    kept = results.write("endpoints", text, table.figures(measured), about)
    say(f"\n{text}\n\nKept as {kept}")
    return 0


def progress(measured: Measured) -> str:
    return f"{measured.scenario:15} {measured.contender:15} {measured.load.rate:9,.0f} requests/s"


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
