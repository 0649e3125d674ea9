# One door to everything a person does here. `make` alone lists it.
# `make demo` and `make test` do all of their own set-up: Python 3.11 (or newer) and make are enough.

.DEFAULT_GOAL := help
SHELL := /bin/sh
BIN := .venv/bin
READY := .venv/.ready
ASSETS := templates/console/built/assets.json
PYTEST := $(BIN)/python -m pytest
PROCESSES ?= 4
ARGS ?=
LOCK := --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

.PHONY: help setup system demo test quick check shape format bench chaos words lock docs-states docs-commands wheel clean

help: ## lists what can be made (this)
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) $(ASSETS) system ## makes .venv from the lock, and installs the system packages that tests need where it may

$(READY): requirements-dev.lock .ci/make-venv
	@sh .ci/make-venv
	@touch $@

$(ASSETS): $(READY) tools/console_assets.py $(wildcard tools/assets/package*.json templates/console/assets/*)
	@$(BIN)/python -m tools.console_assets
	@touch $@

system:
	@sh .ci/system-packages

demo: $(READY) $(ASSETS) ## sends the newsletter to a built-in catcher and shows it in your browser (nothing leaves this machine)
	@$(BIN)/postiljon demo $(ARGS)

test: setup ## runs all tests, in parallel, also the slow ones and those on real servers
	@$(PYTEST) -v -n $(PROCESSES) --dist worksteal --durations 10 $(ARGS)

quick: $(READY) $(ASSETS) ## runs what answers within a minute: units, properties, contracts that need no server
	@$(PYTEST) -n $(PROCESSES) --dist worksteal tests/unit tests/properties tests/contract tests/test_shape.py tests/test_docs.py \
		-m "not slow and not postgres and not postfix and not chromium and not nginx" $(ARGS)

check: $(READY) shape ## checks form, types, layers and sizes; changes nothing
	@$(BIN)/ruff format --check --quiet . || { echo "run 'make format'"; exit 1; }
	@$(BIN)/ruff check --quiet .
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports --no-cache > .venv/lint-imports.txt 2>&1 || { cat .venv/lint-imports.txt; exit 1; }
	@echo "check: form, style, types, layers and sizes are right"

shape: $(READY)
	@$(BIN)/python -m tools.shape

format: $(READY) ## writes the code in the form that 'make check' asks for
	@$(BIN)/ruff format --quiet .
	@$(BIN)/ruff check --quiet --fix .

bench: setup ## measures speed and load beside other programs; prints a table, writes JSON and a plot
	@$(BIN)/python -m bench $(ARGS)

chaos: setup ## kills real senders and launches 200 times on both databases, opts 500 people out of a running campaign, and tries all of what make test tries a share of
	@$(BIN)/python -m tests.chaos --kills 200 $(ARGS)
	@$(BIN)/python -m tests.chaos.optouts --databases sqlite postgresql
	@EVERY_STEP=1 $(PYTEST) -n 2 tests/acceptance -k 'is_killed_at_any_step'
	@EVERY_STEP=1 $(PYTEST) -n 2 --dist worksteal $$(grep -rl 'support.thorough import' tests/browser tests/contract tests/properties)

words: $(READY) ## collects the texts to translate, updates the catalogues and compiles them
	@$(BIN)/python -m templates.catalogue update $(ARGS)

docs-states: $(READY) ## draws the state diagrams in docs/states.md from the tables in the code
	@$(BIN)/python -m tools.draw_states

docs-commands: $(READY) ## writes docs/commands.md from the commands themselves
	@LC_ALL=C.UTF-8 $(BIN)/python -m tools.draw_commands

lock: $(READY) ## writes the lock files anew from pyproject.toml, with hashes and without addresses
	@$(BIN)/uv pip compile pyproject.toml --group dev $(LOCK) $(ARGS) -o requirements-dev.lock
	@$(BIN)/uv pip compile pyproject.toml -c requirements-dev.lock $(LOCK) -o requirements.lock
	@$(BIN)/uv pip compile --group build -c requirements-dev.lock $(LOCK) -o requirements-build.lock

wheel: $(READY) $(ASSETS) ## builds the wheel into dist/
	@$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation -w dist .

clean: ## removes what was made, .venv too; your data stays
	rm -rf .venv dist templates/console/built tools/assets/node_modules .mypy_cache .ruff_cache .hypothesis demo-data
