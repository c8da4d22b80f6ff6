# `make setup` prepares .venv, `make run` serves the demo, `make test` runs every check there is.
# Nothing but make and a Python 3.11 or newer is needed beforehand.

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
MADE := $(VENV)/.made
RUNTIME := $(VENV)/.runtime
PACKAGE := $(VENV)/.package
TOOLS := $(VENV)/.tools
WORKERS ?= 2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help setup run test lint format mutants bench-decisions lock clean screenshots

help:
	@echo "make setup    prepare .venv (also part of every target below)"
	@echo "make run      serve the demo world on http://127.0.0.1:8400"
	@echo "make test     lint, then every test, on SQLite and PostgreSQL and in a browser"
	@echo "make lint     formatter, linters, types, laws of the architecture"
	@echo "make format   let the formatter rewrite what lint complains about"
	@echo "make mutants  remove each guard in a copy; the tests of its rule must notice"
	@echo "make screenshots  take the pictures of docs/design.md from the sample pages"
	@echo "make bench-decisions  measure decisions on one core (needs wrk and taskset)"
	@echo "make lock     compile requirements/*.in into hash-locked *.txt"

$(MADE):
	@sh scripts/make_venv.sh $(VENV)
	@touch $@

$(RUNTIME): requirements/runtime.txt requirements/build.txt | $(MADE)
	@echo "installing the locked dependencies into $(VENV)"
	@$(PIP) install --require-hashes -r requirements/build.txt -r requirements/runtime.txt
	@touch $@

$(PACKAGE): pyproject.toml sdk/pyproject.toml $(RUNTIME)
	@$(PIP) install --no-deps --no-build-isolation --editable . --editable sdk
	@touch $@

$(TOOLS): requirements/test.txt requirements/lint.txt $(RUNTIME)
	@echo "installing the locked test tools into $(VENV)"
	@$(PIP) install --require-hashes -r requirements/test.txt -r requirements/lint.txt
	@touch $@

setup: $(PACKAGE)

run: setup
	@exec $(BIN)/python -u -m demo.run

test: lint
	@$(BIN)/python -m tests.support.provide
	@$(BIN)/python -m pytest -n $(WORKERS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: setup $(TOOLS)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet .
	@$(BIN)/mypy src sdk/src sdk/tests tests $(wildcard demo examples bench)
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/deptry --no-ansi src
	@$(BIN)/vulture

format: setup $(TOOLS)
	@$(BIN)/ruff check --fix --quiet . || true
	@$(BIN)/ruff format --quiet .

mutants: setup $(TOOLS)
	@$(BIN)/python -m tests.support.provide
	@$(BIN)/python -m tests.mutants.run $(NAMES)

screenshots: setup $(TOOLS)
	@$(BIN)/python -m tests.support.provide
	@$(BIN)/python -m tests.pages.screenshots $(NAMES)

bench-decisions: setup $(TOOLS)
	@$(BIN)/python -m bench.decisions $(ARGS)

lock: $(TOOLS)
	@for name in build runtime test lint postgres; do \
	  $(BIN)/uv pip compile --quiet --upgrade --universal --generate-hashes --python-version 3.11 \
	    --no-emit-index-url --no-annotate --custom-compile-command "make lock" \
	    requirements/$$name.in --output-file requirements/$$name.txt || exit 1; \
	done

clean:
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
