# Everything a fresh machine needs to run, test and look at the project. `make help` lists the targets.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
LOCK := requirements.lock
ENV ?=
PARAMS ?=
WORKERS ?= 2
RUN_OPTIONS := $(if $(ENV),--env=$(ENV)) $(if $(PARAMS),--params=$(PARAMS))
STAMP := $(VENV)/.installed
TEST_STAMP := $(VENV)/.installed-test
export KEDRO_DISABLE_TELEMETRY := 1
export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help run test lint format types viz bench soak clean doctor install install-test python

help:  ## This list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/\1|\2/' | while IFS='|' read -r name text; do printf '  make %-9s %s\n' "$$name" "$$text"; done
	@echo "  Variables: PYTHON=python3.12, ENV=smoke, PARAMS=dpo.beta=0.3 (for make run), WORKERS=4 (for make test)"

run: install  ## Preprocess, train, align, evaluate, and name the report (times: docs/results.md)
	@$(BIN)/kedro run $(RUN_OPTIONS)

test: install-test  ## All tests but the soak
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(PYTEST_OPTIONS)

lint: install-test  ## Style, types and the floors of the house
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

format: install-test  ## Rewrite the code in the house style
	@$(BIN)/ruff check --fix-only .
	@$(BIN)/ruff format .

types: install-test  ## The type checker alone
	@$(BIN)/mypy

viz: install-test  ## The pipelines in the browser
	@$(BIN)/kedro viz run

bench: install-test  ## The benchmarks, one after another: Markdown tables for docs/benchmarks.md
	@$(BIN)/pip install --quiet -c $(LOCK) -e '.[bench]'
	@for script in benchmarks/[a-z]*.py; do echo "== $$script"; $(BIN)/python $$script || exit 1; done

soak: install-test  ## Hundreds of kills, and what takes hours
	@$(BIN)/python -m pytest -m soak

doctor: install  ## What of this machine is right, what is not, and what to type
	@$(BIN)/python -m arabic_llm_pipeline.doctor

clean:  ## Remove everything that runs have made (not data/01_raw, not .venv)
	@rm -rf .cache .viz build sessions data/02_* data/03_* data/04_* data/05_* data/06_* data/07_* data/08_*

install: python $(STAMP)
install-test: python $(TEST_STAMP)

python:
	@command -v $(PYTHON) >/dev/null 2>&1 || { echo "No $(PYTHON) here. Install Python 3.11 or later (python.org, apt install python3 python3-venv, brew install python), or name yours: make PYTHON=/path/to/python3.12"; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "$(PYTHON) is $$($(PYTHON) -V 2>&1), but 3.11 or later is needed. Install it, or name another: make PYTHON=/path/to/python3.12"; exit 1; }

$(BIN)/pip:
	@$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) has no venv module: apt install python3-venv"; rm -rf $(VENV); exit 1; }

$(STAMP): $(LOCK) pyproject.toml | $(BIN)/pip
	@echo "Installing into $(VENV) (once; some minutes)"
	@$(BIN)/pip install --quiet -c $(LOCK) -e .
	@touch $@

$(TEST_STAMP): $(LOCK) pyproject.toml | $(BIN)/pip
	@echo "Installing into $(VENV), with what the tests need (once; some minutes)"
	@$(BIN)/pip install --quiet -c $(LOCK) -e '.[test]'
	@touch $@ $(STAMP)
