"""Settings, as a process of its own reads them."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from config.secret_files import new_rsa_key, read_or_create
from tests.processes import ROOT

PRODUCTION = {"DEBUG": "false", "SECRET_KEY": "x" * 60, "OIDC_RSA_PRIVATE_KEY": "pem"}


def setting(name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """The repr of a setting under exactly this environment."""
    return subprocess.run(
        [sys.executable, "-c", f"from config import settings; print(repr(settings.{name}))"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("missing", ["SECRET_KEY", "OIDC_RSA_PRIVATE_KEY"])
def test_production_does_not_start_without_a_secret(missing: str, tmp_path: Path) -> None:
    given = {name: value for name, value in PRODUCTION.items() if name != missing}

    answer = setting(missing, STATE_DIR=str(tmp_path), **given)

    assert answer.returncode != 0
    assert f"Set {missing} (or {missing}_FILE) in the environment" in answer.stderr


def test_a_secret_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("from the file\n")

    answer = setting(
        "SECRET_KEY",
        STATE_DIR=str(tmp_path),
        DEBUG="false",
        SECRET_KEY_FILE=str(file),
        OIDC_RSA_PRIVATE_KEY="pem",
    )

    assert answer.stdout == "'from the file'\n"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    answer = setting("SECRET_KEY", STATE_DIR=str(tmp_path), SECRET_KEY_FILE="/nowhere/key")

    assert answer.returncode != 0
    assert "SECRET_KEY_FILE names /nowhere/key, which cannot be read" in answer.stderr


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DELIVERY_LEASE_SECONDS", "s3cret", "a number"),
        ("DELIVERY_LEASE_SECONDS", "10m", "a number"),
        ("DELIVERY_MAX_ATTEMPTS", "s3cret", "a whole number"),
        ("DELIVERY_MAX_ATTEMPTS", "", "a whole number"),
        ("POSTGRES_PORT", "s3cret", "a whole number"),
        ("SMS_DAILY_SPEND_LIMIT", "s3cret", "a number"),
        ("OIDC_TRUSTED_ISSUERS", '[{"issuer": "s3cret"', "JSON"),
        ("DATABASE_URL", "postgres://klanten:s3cret/word@db/klanten", "an address"),
        ("DATABASE_URL", "s3cret", "an address"),
    ],
)
def test_a_malformed_variable_is_named_and_not_shown(
    name: str, value: str, expected: str, tmp_path: Path
) -> None:
    environment = {"POSTGRES_HOST": "db", "STATE_DIR": str(tmp_path), **PRODUCTION, name: value}

    answer = setting("DEBUG", **environment)

    assert answer.returncode != 0
    assert f"ImproperlyConfigured: {name} must be {expected}" in answer.stderr.splitlines()[-1]
    assert "s3cret" not in answer.stderr


def test_savannahs_variables_spell_a_database(tmp_path: Path) -> None:
    answer = setting(
        "DATABASE_URL",
        STATE_DIR=str(tmp_path),
        POSTGRES_HOST="db",
        POSTGRES_DB="customer_order_db",
        POSTGRES_USER="postgres",
        POSTGRES_PASSWORD="p@ss/word",
        **PRODUCTION,
    )

    assert answer.stdout == "'postgres://postgres:p%40ss%2Fword@db:5432/customer_order_db'\n"


def test_all_processes_that_start_at_once_share_one_made_up_key(tmp_path: Path) -> None:
    path = tmp_path / "state" / "oidc.pem"

    with ThreadPoolExecutor(4) as pool:
        keys = set(pool.map(lambda _: read_or_create(path, new_rsa_key), range(8)))

    assert len(keys) == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["oidc.pem"]


@pytest.mark.parametrize(
    ("url", "name"),
    [("https://klanten.example", "__Host-sessionid"), ("http://127.0.0.1:8000", "sessionid")],
)
def test_cookies_are_bound_to_the_host_where_pages_come_over_https(
    url: str, name: str, tmp_path: Path
) -> None:
    answer = setting("SESSION_COOKIE_NAME", STATE_DIR=str(tmp_path), PUBLIC_URL=url, **PRODUCTION)

    assert answer.stdout == f"{name!r}\n"


def test_a_login_at_the_pages_ends_after_twelve_hours(tmp_path: Path) -> None:
    answer = setting("SESSION_COOKIE_AGE", STATE_DIR=str(tmp_path), **PRODUCTION)

    assert answer.stdout == "43200\n"
