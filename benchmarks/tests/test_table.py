"""What the table says of what was measured. Nothing is timed here."""

import json
from dataclasses import replace

import pytest

from benchmarks import growth, soak, table
from benchmarks.contract import ContractError, compare, difference_in
from benchmarks.load import Load, parse_pgbench, parse_wrk, script_of, statements_in
from benchmarks.measure import Spent, shape
from benchmarks.results import markdown, pins
from benchmarks.scenarios import SCENARIOS
from benchmarks.servers import procfile_command
from benchmarks.turns import Measured, middle

SLOW = Measured(
    "orders-create",
    "fastapi",
    Load(requests=2000, seconds=4.0, p50_ms=31.0, p99_ms=64.25),
    Spent(web_seconds=5.0, database_seconds=1.5, statements=14_000, others_seconds=0.0),
    {"BEGIN": 1, "COMMIT": 1},
    [78.4, 77.9],
)
FAST = replace(SLOW, contender="klanten", load=replace(SLOW.load, requests=5000))


def rate(requests: int) -> Measured:
    return replace(SLOW, load=replace(SLOW.load, requests=requests))


def test_wrk_is_read_from_its_last_line() -> None:
    printed = (
        "Running 4s test @ http://127.0.0.1:1\n  8 requests in 4.00s, 1.00KB read\n"
        '{"requests": 8, "seconds": 4.0, "p50_ms": 1.5, "p99_ms": 9.0, "refused": 2, "broken": 1}\n'
    )

    assert parse_wrk(printed) == Load(8, 4.0, 1.5, 9.0, refused=2, broken=1)


def test_pgbench_is_read_from_its_log() -> None:
    lines = [f"0 {n} {n * 1000} 0 1700000000 0\n" for n in range(1, 100)]

    load = parse_pgbench(lines, seconds=3)

    assert (load.requests, load.rate) == (99, 33)
    assert (load.p50_ms, load.p99_ms) == (50, 99)


def test_a_request_costs_its_share() -> None:
    assert (SLOW.web_ms, SLOW.database_ms, SLOW.statements) == (2.5, 0.75, 7)


def test_the_limit_counts_what_its_script_says() -> None:
    limit = replace(SLOW, contender="pgbench", shapes={"BEGIN": 1, "INSERT orders_order": 2})

    assert limit.statements == 3


@pytest.mark.parametrize("name", SCENARIOS)
def test_every_scenario_has_a_limit(name: str) -> None:
    assert statements_in(script_of(name).read_text())


def test_a_statement_is_known_by_its_verb_and_tables() -> None:
    query = 'SELECT "a"."id" FROM "b" INNER JOIN "a" ON ("a"."b_id" = "b"."id") WHERE "a"."id" = $1'

    assert shape(query) == "SELECT a b"
    assert shape('INSERT INTO orders_order ("id") VALUES ($1)') == "INSERT orders_order"
    assert shape("COMMIT") == "COMMIT"


def test_of_several_turns_the_median_counts() -> None:
    assert middle([rate(10), rate(30), rate(20)]).load.requests == 20


def test_the_table_says_what_klanten_is_beside_each() -> None:
    text = table.render(table.medians([SLOW, FAST]))

    (peer,) = [line for line in text.splitlines() if "FastAPI" in line]
    cells = [cell.strip() for cell in peer.strip("|").split("|")]
    assert cells == [
        *("(a) FastAPI + SQLAlchemy", "500", "31.0", "64.2", "2.50", "0.75", "7.0", "78", "0%"),
        *("2.50 x", "2: met"),
    ]


def test_a_goal_that_is_missed_is_called_so() -> None:
    text = table.render(table.medians([SLOW, replace(FAST, load=SLOW.load)]))

    assert "| 1.00 x     | 2: missed |" in text


def test_the_other_credential_is_beside_the_key_and_not_the_reverse() -> None:
    bearer = replace(SLOW, contender="klanten-bearer")

    assert table.ratio({"klanten": FAST, "klanten-bearer": bearer}, "klanten-bearer") == 0.4


def test_statements_beyond_the_limit_are_named() -> None:
    klanten = replace(FAST, shapes={"BEGIN": 1, "SAVEPOINT": 2})
    limit = replace(SLOW, contender="pgbench", shapes={"BEGIN": 1})

    text = table.render(table.medians([klanten, limit]))

    assert "Klanten's statements that the limit does not have: 2 x SAVEPOINT." in text


def test_every_turn_is_kept_as_json() -> None:
    (kept,) = json.loads(json.dumps(table.figures([SLOW])))

    assert (kept["rate"], kept["web_ms"], kept["shapes"]) == (500, 2.5, {"BEGIN": 1, "COMMIT": 1})


def test_a_table_is_as_wide_as_its_cells() -> None:
    assert (
        markdown(["a", "long"], [["bcd", "e"]]) == "| a   | long |\n| --- | ---- |\n| bcd | e    |"
    )


def test_pins_are_read_with_and_without_extras() -> None:
    assert pins("# why\nSQLAlchemy[asyncio]==2.1.9\nasyncpg==0.32.0\n") == [
        "SQLAlchemy 2.1.9",
        "asyncpg 0.32.0",
    ]


@pytest.mark.parametrize(
    ("got", "said"),
    [
        ({"a": [{"b": 1}]}, ""),
        ({"a": [{"b": 2}]}, ".a[0].b is 2, not 1"),
        ({"a": [{}]}, ".a[0] has not the same members: b"),
        ({"a": []}, ".a is [], not [{'b': 1}]"),
    ],
)
def test_a_difference_is_told_by_its_place(got: object, said: str) -> None:
    assert difference_in(got, {"a": [{"b": 1}]}) == said


def test_a_peer_that_answers_otherwise_is_refused() -> None:
    with pytest.raises(ContractError, match=r"^fastapi, bad orders: \[0\] is 422, not 400$"):
        compare("fastapi", {"bad orders": [422]}, {"bad orders": [400]})


def test_growth_is_told_beside_the_smallest_table() -> None:
    few = growth.Figure("GET", 10_000, 16, replace(SLOW.load, requests=4000))
    many = growth.Figure("GET, page 10,000", 10_000_000, 16, replace(SLOW.load, requests=3000))

    first, last = growth.render([few, many]).splitlines()[2:]

    assert first.endswith("| 1.00        |")
    assert last.endswith("| 0.75 missed |")


def test_memory_is_judged_by_its_size_and_its_growth() -> None:
    flat = [soak.Minute(n, 500, 0, [90.0, 95.0]) for n in range(1, 9)]
    growing = [soak.Minute(n, 500, 0, [80.0 + 4 * n]) for n in range(1, 9)]

    assert soak.verdict(flat).startswith("Good: a web worker had 95 MB at most")
    assert soak.verdict(growing).startswith("Too much")
    assert soak.verdict([soak.Minute(1, 500, 0, [121.0])]).startswith("Too much")


def test_the_web_command_is_the_one_of_production() -> None:
    command = procfile_command()

    assert command.startswith("granian ")
    assert "${WEB_WORKERS:-2}" in command
