"""Values of the environment that a library would read as something else than what they say."""

import json
import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from config.env import env, read_dotenv, secret
from tests.processes import ROOT

LITERAL = [
    "$HOME",
    "$HOME$PATH",
    "${HOME}",
    "$(id)",
    "$$HOME",
    "$",
    "$$",
    "$NOT_THERE",
    r"\$HOME",
    "`id`",
    "%HOME%",
    "#begins-like-a-comment",
    "ends # like a comment",
    "'quoted'",
    '"quoted"',
    r"back\nslash\t",
    "a,b;c=d",
    "true",
    "1e3",
    "0x10",
    "[1, 2]",
    "None",
    "p@ss/w:rd?x=1&y",
    "ключ\u2028ключ",
]
literal = pytest.mark.parametrize("value", LITERAL, ids=repr)


@literal
def test_a_text_is_what_the_environment_says(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TEXT", value)

    assert env.str("A_TEXT") == env.str("A_TEXT", default="") == secret("A_TEXT") == value
    assert env("A_TEXT", str, None) == value


@literal
def test_a_secret_is_what_its_file_says(
    value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text(f"{value}\n")
    monkeypatch.setenv("A_TEXT_FILE", str(tmp_path / "file"))

    assert secret("A_TEXT") == value


@pytest.mark.parametrize("value", [each for each in LITERAL if each[0] not in "'\""], ids=repr)
@pytest.mark.parametrize("form", ["{}", "'{}'"])
def test_a_dotenv_file_is_taken_literally(
    value: str, form: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert dotenv(f"A_TEXT={form.format(value)}\n", monkeypatch, tmp_path) == value


def dotenv(content: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """What A_TEXT is after a `.env` file was read."""
    # Whatever the file sets is undone after the test.
    monkeypatch.setenv("A_TEXT", "")
    monkeypatch.delenv("A_TEXT")
    (tmp_path / ".env").write_bytes(content.encode())
    read_dotenv(tmp_path / ".env")
    return str(env.str("A_TEXT"))


@pytest.mark.parametrize(
    ("content", "value"),
    [
        ("\ufeffA_TEXT=x", "x"),
        ("# one\r\n\r\nA_TEXT=x\r\n", "x"),
        ("export A_TEXT=x", "x"),
        ("  A_TEXT = x  ", "x"),
        ("  # A_TEXT=y\nA_TEXT=x", "x"),
        ("A_TEXT=' x '", " x "),
        ('A_TEXT=" x "', " x "),
        (r'A_TEXT="a\"b\\c\$d\ne"', r'a"b\c$d\ne'),
        (r"A_TEXT='a\"b\\c\$d\ne'", r"a\"b\\c\$d\ne"),
        ("A_TEXT='", "'"),
        ("A_TEXT='a\"", "'a\""),
        ("A_TEXT=a=b", "a=b"),
        ("A_TEXT=", ""),
    ],
)
def test_a_dotenv_file_may_have_quotes_and_any_line_ends(
    content: str, value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert dotenv(content, monkeypatch, tmp_path) == value


def test_the_environment_goes_before_a_dotenv_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("A_TEXT=file")
    monkeypatch.setenv("A_TEXT", "environment")

    read_dotenv(tmp_path / ".env")
    read_dotenv(tmp_path / "not-there")

    assert env.str("A_TEXT") == "environment"


@pytest.mark.parametrize("line", ["s3cret", "MIIEs3cret+/", "A-B=s3cret", "=s3cret", "1A=s3cret"])
def test_a_line_that_is_none_is_named_and_not_shown(
    line: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A key of several lines without quotes, say: the library printed each of them."""
    with pytest.raises(ImproperlyConfigured, match=r"Line 2 of .*\.env must be NAME=value\."):
        dotenv(f"A_TEXT=x\n{line}\n", monkeypatch, tmp_path)


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"\xef\xbb\xbfkey\n", "key"),
        (b"key\r\n", "key"),
        (b"key\n\n\n", "key"),
        (b"\nkey", "key"),
        (b" key \n", " key "),
        (b"one\r\ntwo\r\n", "one\ntwo"),
    ],
)
def test_a_file_of_a_secret_may_have_any_line_ends(
    content: bytes, value: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(content)
    monkeypatch.setenv("A_TEXT_FILE", str(tmp_path / "file"))

    assert secret("A_TEXT") == value


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "A_TEXT_FILE names .* which is empty"),
        (b" \r\n", "A_TEXT_FILE names .* which is empty"),
        (b"k\xff\n", "must be text in UTF-8"),
        (b"\xff\xfek\0", "must be text in UTF-8"),
    ],
)
def test_a_file_that_holds_no_secret_is_named(
    content: bytes, says: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_bytes(content)
    monkeypatch.setenv("A_TEXT_FILE", str(tmp_path / "file"))

    with pytest.raises(ImproperlyConfigured, match=says):
        secret("A_TEXT", default="")


def test_a_path_is_literal_too(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("$HOME").write_text("key")
    monkeypatch.setenv("A_TEXT_FILE", "$HOME")

    assert secret("A_TEXT") == "key"


@pytest.mark.parametrize("word", ["true", "TRUE", "True", "yes", "on", "On", "y", "1", " true "])
def test_a_word_for_true_is_true(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SWITCH", word)

    assert env.bool("A_SWITCH", default=False) is True


@pytest.mark.parametrize("word", ["false", "FALSE", "no", "off", "OFF", "n", "0", " 0 "])
def test_a_word_for_false_is_false(word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SWITCH", word)

    assert env.bool("A_SWITCH", default=True) is False


@pytest.mark.parametrize(
    ("read", "expected", "values"),
    [
        (env.bool, "true or false", ["", "ja", "tru", "2", "-1", "falsch", "$TRUE", "None", "0.0"]),
        (
            env.int,
            "a whole number",
            ["", "1e3", "1_000", "1.0", "٣", "0x1", "$ONE", "1,000", "--1"],
        ),
        (
            env.float,
            "a number",
            ["", "nan", "inf", "-inf", "1_0", "1e999", "٣", "1,5", "10m", "$1"],
        ),
    ],
)
def test_another_word_is_named_and_not_shown(
    read: Any, expected: str, values: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in values:
        monkeypatch.setenv("A_SWITCH", value)
        with pytest.raises(ImproperlyConfigured) as refused:
            read("A_SWITCH")

        assert str(refused.value) == f"A_SWITCH must be {expected}."


@pytest.mark.parametrize("value", ["NaN", "sNaN", "Infinity", "1_0", "٣", "$1", ""])
def test_a_sum_is_a_finite_number(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SUM", value)

    with pytest.raises(ImproperlyConfigured, match=r"^A_SUM must be a number\.$"):
        env("A_SUM", Decimal)


@pytest.mark.parametrize(
    ("value", "number"), [("5", 5), (" 5\n", 5), ("-5", -5), ("+5", 5), ("007", 7)]
)
def test_a_whole_number_is_read(value: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_NUMBER", value)

    assert (env.int("A_NUMBER"), env.float("A_NUMBER")) == (number, number)


@pytest.mark.parametrize(
    ("value", "parts"),
    [
        ("a,b", ["a", "b"]),
        (" a , b ,", ["a", "b"]),
        ("$HOME,b", ["$HOME", "b"]),
        ("", []),
        (" , ", []),
    ],
)
def test_a_list_may_have_spaces(
    value: str, parts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A_LIST", value)

    assert env.list("A_LIST", default=["*"]) == parts


def settings_with(**environment: str) -> dict[str, Any]:
    """Some settings of a process under exactly this environment."""
    script = (
        "import json; from config import settings as s; db = s.DATABASES['default'];"
        "print(json.dumps([s.SECRET_KEY, db['PASSWORD'], db['USER'], db['NAME'], s.METRICS_TOKEN,"
        " s.OIDC_TRUSTED_ISSUERS]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DEBUG": "false", **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    names = ("secret_key", "password", "user", "name", "metrics_token", "issuers")
    return dict(zip(names, json.loads(done.stdout), strict=True))


def test_production_reads_secrets_that_begin_with_a_dollar(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("$HOME-and-more-of-the-token\r\n")

    found = settings_with(
        STATE_DIR=str(tmp_path),
        HOME="/home/klanten",
        SECRET_KEY="$HOME",
        OIDC_RSA_PRIVATE_KEY="$HOME",
        POSTGRES_HOST="db",
        POSTGRES_USER="$HOME",
        POSTGRES_PASSWORD="$HOME",
        POSTGRES_DB="$a+b c",
        METRICS_TOKEN_FILE=str(tmp_path / "token"),
        OIDC_TRUSTED_ISSUERS='[{"issuer": "https://a.example", "audience": "$HOME"}]',
    )

    assert found == {
        "secret_key": "$HOME",
        "password": "$HOME",
        "user": "$HOME",
        "name": "$a+b c",
        "metrics_token": "$HOME-and-more-of-the-token",
        "issuers": [{"issuer": "https://a.example", "audience": "$HOME"}],
    }


@pytest.mark.parametrize("password", ["$HOME", "%24HOME"])
def test_the_password_of_an_address_is_literal(password: str, tmp_path: Path) -> None:
    found = settings_with(
        STATE_DIR=str(tmp_path),
        SECRET_KEY="x" * 60,
        OIDC_RSA_PRIVATE_KEY="pem",
        DATABASE_URL=f"postgres://klanten:{password}@db/klanten",
    )

    assert found["password"] == "$HOME"
