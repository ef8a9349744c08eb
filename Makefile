# `make run` starts the product, `make test` runs its tests. Both need only python3, python3-venv and make.
PYTHON ?= python3
UV ?= uv
PY := .venv/bin/python
PIP := $(PY) -m pip install -q --disable-pip-version-check --no-input --require-hashes
LOCK := $(UV) pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header
# More arguments for pytest: make test ARGS="-k sign_off"
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help run test test-deep check fmt bench lock clean

help:  ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/' | expand -t 12

.venv/base: requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11")'
	@echo "Installing the packages into .venv ..."
	@test -x $(PY) || $(PYTHON) -m venv .venv
	@$(PIP) -r requirements.txt
	@touch $@

.venv/dev: requirements-dev.txt .venv/base
	@echo "Installing the test and development packages into .venv ..."
	@$(PIP) -r requirements-dev.txt
	@touch $@

run: .venv/base  ## start web server, worker and scheduler (PORT=8000)
	@exec $(PY) manage.py up

test: .venv/dev  ## run the tests on SQLite and on PostgreSQL
	@exec $(PY) -m tests.suite $(ARGS)

test-deep: .venv/dev  ## run the slow tests as well: crawls, properties, timing
	@exec $(PY) -m tests.suite --deep $(ARGS)

check: .venv/dev  ## lint, types, floors, migrations, deployment settings
	@exec $(PY) -m tests.checks

fmt: .venv/dev  ## format the code
	@$(PY) -m ruff check -q --fix-only . && $(PY) -m ruff format .

bench: .venv/base  ## measure queries and CPU time per page
	@exec $(PY) -m bench $(ARGS)

lock:  ## rewrite requirements*.txt from requirements*.in (needs uv)
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt
	@! grep -n '://' requirements.txt requirements-dev.txt

clean:  ## remove what tools left behind; keeps data and .venv
	rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis test-results htmlcov .coverage
	find . -name __pycache__ -type d -not -path './.venv/*' -prune -exec rm -rf {} +
