"""It brings text into one form alike by the short way and by the long one."""

import random

import idna
import pytest
from django.core.exceptions import ValidationError

from customers import normalise
from customers.normalise import PLAIN_DOMAIN, normalise_domain, normalise_phone

SEED = 20_260_101


def test_takes_the_short_way_only_where_the_long_one_changes_nothing() -> None:
    chance = random.Random(SEED)  # noqa: S311 - to be repeatable
    short = 0
    for _ in range(20_000):
        text = "".join(chance.choices("ab-z09.xé", k=chance.randrange(3, 14)))
        if PLAIN_DOMAIN.fullmatch(text):
            short += 1
            assert idna.encode(text, uts46=True).decode().lower() == text
    assert short > 1000


@pytest.mark.parametrize("text", ["1.2", "a..b", "-a.example", "a-.example", "ab--c.example", "a"])
def test_refuses_what_is_no_domain_all_the_same(text: str) -> None:
    with pytest.raises(ValidationError, match="This is no domain name"):
        normalise_domain(text)


def test_knows_its_own_results_again() -> None:
    stored = normalise_phone("0712 345 678")

    assert normalise_phone(stored) == stored == normalise_phone("+254 712 345678")


def test_does_not_remember_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(normalise, "MOST_REMEMBERED", 2)
    calls: list[str] = []

    def lower(text: str) -> str:
        calls.append(text)
        return text.lower()

    remembered = normalise.remembering(lower)
    found = [remembered(text) for text in ("A", "a", "B", "C", "a")]

    assert found == ["a", "a", "b", "c", "a"]
    assert calls == ["A", "B", "C", "a"]
