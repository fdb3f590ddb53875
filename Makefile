# Everything one does with this repository. `make` alone is lint and tests.
# Needs Python 3.11 or newer and make; nothing else.

PYTHON ?= python3
HOST ?= 127.0.0.1
PORT ?= 8000

VE := ve
BIN := $(VE)/bin
MANAGE := $(BIN)/python manage.py

# On a developer's machine secrets are made up and errors are shown; a deployment
# sets its own environment and does not come through here.
export DEBUG ?= true
export HOST PORT

.DEFAULT_GOAL := all
.PHONY: all runserver test test-postgres lint format types imports migrations-check deploy-check \
        audit fuzz fuzz-short siege faults test-million bench bench-short bench-profile bench-growth \
        bench-soak \
        bench-identity bench-imports bench-delivery makemigrations migrate createsuperuser shell \
        simulate coverage clean ci

all: lint test

$(BIN)/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Klanten needs Python 3.11 or newer")'
	$(PYTHON) -m venv $(VE)

$(VE)/.installed: requirements.txt | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.txt
	@touch $@

$(VE)/.installed-dev: requirements-dev.txt $(VE)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-dev.txt
	@touch $@

## Run it: web server and delivery worker, on http://HOST:PORT
runserver: $(VE)/.installed
	@$(MANAGE) migrate --noinput --verbosity 0
	@$(MANAGE) welcome
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/honcho --env /dev/null start --no-prefix web worker

## Check it
test: $(VE)/.installed-dev
	$(BIN)/pytest

# TEST_DATABASE_URL names a PostgreSQL database whose owner may create others.
test-postgres: $(VE)/.installed-dev
	DATABASE_URL="$${TEST_DATABASE_URL:?}" $(BIN)/pytest $(PYTEST_ARGUMENTS)

coverage: $(VE)/.installed-dev
	$(BIN)/pytest --cov --cov-report=html --cov-report=term

# Schemathesis against a server of its own, with credentials of each kind. FUZZ_DATABASE_URL
# names an empty PostgreSQL database; a scratch SQLite file is used otherwise.
fuzz: $(VE)/.installed-dev
	$(BIN)/python -m tests.fuzz --examples 200 --seconds 1800

fuzz-short: $(VE)/.installed-dev
	$(BIN)/python -m tests.fuzz --examples 20 --seconds 60

# Every attack at once on a server of its own, behind nginx and without it, while honest clients
# ask on. SIEGE_DATABASE_URL names an empty PostgreSQL database; a scratch SQLite file otherwise.
siege: $(VE)/.installed-dev
	$(BIN)/python -m tests.attacks.siege --minutes $(or $(MINUTES),10)

# The long forms of the tests of faults and attacks: minutes of kills, and services of their own
# that crash. On SQLite, and on PostgreSQL too where TEST_DATABASE_URL names one.
faults: $(VE)/.installed-dev
	$(BIN)/pytest -n 0 -s -m long tests/faults tests/attacks
	[ -z "$$TEST_DATABASE_URL" ] || \
	DATABASE_URL="$$TEST_DATABASE_URL" $(BIN)/pytest -n 0 -s -m long tests/faults tests/attacks

# Beside peers and a limit, on a PostgreSQL of its own: docs/performance.md. Needs PostgreSQL's
# server and wrk (apt-get install postgresql wrk).
benchmarks/ve/.installed: benchmarks/requirements.txt
	$(PYTHON) -m venv benchmarks/ve
	benchmarks/ve/bin/python -m pip install --quiet --disable-pip-version-check -r $<
	@touch $@

bench: $(VE)/.installed benchmarks/ve/.installed
	$(BIN)/python -m benchmarks $(BENCH_ARGUMENTS)

bench-short: $(VE)/.installed benchmarks/ve/.installed
	$(BIN)/python -m benchmarks --seconds 2 --repeat 1 --rows 5000

bench-profile: $(VE)/.installed benchmarks/ve/.installed
	$(BIN)/python -m benchmarks.profile $(BENCH_ARGUMENTS)

bench-growth: $(VE)/.installed benchmarks/ve/.installed
	$(BIN)/python -m benchmarks.growth $(BENCH_ARGUMENTS)

bench-soak: $(VE)/.installed benchmarks/ve/.installed
	$(BIN)/python -m benchmarks.soak --minutes $(or $(MINUTES),60)

# How fast SMS leave the house. BENCH_DATABASE_URL names a PostgreSQL database whose owner may
# create others; the local one if not given.
bench-delivery: $(VE)/.installed
	$(BIN)/python -m benchmarks.delivery

# A bulk upload beside PostgreSQL's COPY; BENCH_DATABASE_URL names a database for nothing else.
bench-imports: $(VE)/.installed-dev
	$(BIN)/python -m benchmarks.imports $(BENCH_ARGUMENTS)

# A million rows of which one is bad.
test-million: $(VE)/.installed-dev
	ROWS=1000000 $(BIN)/pytest -n 0 tests/faults/test_many_rows.py

lint: format-check types imports migrations-check

.PHONY: format-check
format-check: $(VE)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(VE)/.installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(VE)/.installed-dev
	$(BIN)/mypy .

imports: $(VE)/.installed-dev
	$(BIN)/lint-imports

migrations-check: $(VE)/.installed-dev
	$(MANAGE) makemigrations --check --dry-run

# The settings as production has them: no DEBUG, HTTPS, secrets from files.
deploy-check: $(VE)/.installed-dev
	@secrets=$$(mktemp -d) && trap 'rm -r "$$secrets"' EXIT && \
	$(BIN)/python -m config.secret_files "$$secrets" && \
	DEBUG=false PUBLIC_URL=https://klanten.example ALLOWED_HOSTS=klanten.example \
	TRUSTED_PROXIES=10.0.0.0/8 \
	SECRET_KEY_FILE="$$secrets/secret_key" OIDC_RSA_PRIVATE_KEY_FILE="$$secrets/oidc.pem" \
	$(MANAGE) check --deploy --fail-level WARNING

# Whether who-is-this costs the same with a million customers as with ten thousand.
# BENCH_DATABASE_URL names a PostgreSQL whose user may create databases.
bench-identity: $(VE)/.installed-dev
	$(BIN)/python -m benchmarks.identity

audit: $(VE)/.installed-dev
	$(BIN)/pip-audit --requirement requirements.txt --no-deps --disable-pip

ci:
	bash .ci/run

## Manage it
makemigrations migrate createsuperuser shell: $(VE)/.installed
	$(MANAGE) $@

# A stand-in for the outside services; point AFRICAS_TALKING_URL at it.
simulate: $(VE)/.installed
	$(MANAGE) simulate_gateways --verbose

clean:
	rm -rf $(VE) benchmarks/ve static htmlcov .coverage* .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
