"""It brings text into one form alike by the short way and by the long one."""

import random

import idna
import phonenumbers
import pytest
from django.core.exceptions import ValidationError
from pytest_django.fixtures import Settings

from customers import normalise
from customers.normalise import (
    PLAIN_DOMAIN,
    PLAIN_E164,
    normalise_domain,
    normalise_phone,
    plainly_read,
    with_country_code,
)

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


@pytest.mark.parametrize("region", ["KE", "NL", "DE", "GB", "IT", "US", "BR"])
def test_reads_plain_numbers_as_the_library_does(settings: Settings, region: str) -> None:
    settings.PHONE_DEFAULT_REGION = region
    chance = random.Random(SEED)  # noqa: S311 - to be repeatable
    short = 0
    for _ in range(4_000):
        code = chance.choice(list(phonenumbers.COUNTRY_CODE_TO_REGION_CODE))
        national = "".join(chance.choices("0123456789", k=chance.randrange(5, 11)))
        for text in (f"+{code}{national}", f"0{national}", national):
            digits = with_country_code(text, region)
            number = plainly_read(digits) if PLAIN_E164.fullmatch(digits) else None
            if number:
                short += 1
                assert number == phonenumbers.parse(text, region), text
    assert short > 200


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
