# Every door to the project; `make help` lists them.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

DATA ?= data
LISTEN ?= 127.0.0.1:8080
ADMIN ?= postmaster@postreeve.local
WORKERS ?= 1

.DEFAULT_GOAL := help
.NOTPARALLEL:

help:  ## List the targets.
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1|\2/p' $(MAKEFILE_LIST) | while IFS='|' read -r name text; do \
	  printf '%-10s %s\n' "$$name" "$$text"; done

# The shell gets these values from the environment, whatever signs are in them.
serve: export DATA := $(DATA)
serve: export LISTEN := $(LISTEN)
serve: export ADMIN := $(ADMIN)
serve: export WORKERS := $(WORKERS)
serve: venv  ## Create the embedded databases in ./data once, and serve (DATA=, LISTEN=, ADMIN=, WORKERS=).
	@$(BIN)/postreeve init --data "$$DATA" --admin "$$ADMIN"
	@exec $(BIN)/postreeve serve --data "$$DATA" --listen "$$LISTEN" --workers "$$WORKERS"

# What pytest makes of the tests is kept: without it each worker would begin with ten seconds of work.
test quick: export PYTHONDONTWRITEBYTECODE :=
test: dev lint  ## Run everything that must hold, on every engine.
	$(BIN)/pytest -n 3 --dist loadgroup

quick: $(VENV)/.installed-tests lint  ## The part of the tests that needs nothing but SQLite.
	$(BIN)/pytest -n 2 --engines=sqlite -m 'not slow'

lint: $(VENV)/.installed-tests  ## Check types, style and import directions.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/.installed-tests  ## Generate the reference and the golden interface file anew.
	$(BIN)/python docs/generate.py

locale: $(VENV)/.installed-tests  ## Bring the catalogues of translations up to date with the texts.
	$(BIN)/python tools/translations.py

bench: dev  ## Measure against a bare application in the same run.
	$(BIN)/python -m bench

# Installing

venv: $(VENV)/.installed  ## Make .venv with Postreeve and what it needs to run.

dev: $(VENV)/.installed-dev  ## Install all that the tests need, Debian packages too (as root or with sudo).

debian:
	tools/install-debian

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or later is needed: make PYTHON=...")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || tools/install-debian python3-venv
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e .
	touch $@

$(VENV)/.installed-tests: pyproject.toml | $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[tests]'
	touch $(VENV)/.installed $@

$(VENV)/.installed-dev: pyproject.toml | debian $(BIN)/python
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev,mysqlclient]'
	touch $(VENV)/.installed $(VENV)/.installed-tests $@

.PHONY: help serve test quick lint docs bench venv dev debian
