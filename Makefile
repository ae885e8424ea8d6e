# The targets are a contract (see README.md); `make` alone lists them.

PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Two workers: the machine the figures are promised for has two cores.
PYTEST := $(BIN)/pytest -n 2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test check test-all system-deps demo-wordpress sim sim-long mutants bench bench-full \
        lock schemas reference clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

install: $(INSTALLED) ## .venv with everything the other targets need, and .venv/bin/aipress

# Looks for the first Python that is new enough and can make a virtual environment; says what is missing otherwise.
define FIND_PYTHON
found=; why="no python3 on the PATH: apt install python3 python3-venv"; \
for python in $${PYTHON:-python3 python3.13 python3.12 python3.11}; do \
    command -v "$$python" >/dev/null || continue; \
    if ! "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
        why="$$("$$python" -V) is too old, 3.11 or newer is needed: apt install python3.11 python3.11-venv, or make PYTHON=/path/to/python3.11 …"; \
    elif ! "$$python" -c 'import venv, ensurepip' 2>/dev/null; then \
        why="$$("$$python" -V) cannot make a virtual environment (venv or ensurepip is missing): apt install python3-venv"; \
    else found="$$python"; break; fi; \
done; \
[ -n "$$found" ] || { echo "make install: $$why" >&2; exit 1; }
endef

export PYTHON
$(INSTALLED): requirements.lock pyproject.toml
	@$(BIN)/python -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	    $(FIND_PYTHON); \
	    echo "Making $(VENV) with $$($$found -V) …"; $$found -m venv --clear $(VENV); }
	@echo "Installing the locked packages (about half a minute) …"
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

demo: $(INSTALLED) ## from nothing to a reconciled fleet on a local cloud, with progress
	@$(BIN)/aipress demo

test: $(INSTALLED) ## all tests that need no root and nothing beyond loopback
	@$(PYTEST)

check: $(INSTALLED) ## linters, types, import rules and the fast tests: under a minute
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(PYTEST) -m "not slow"

test-all: test ## test, and what needs the packages of system-deps
	@echo "test-all: no test needs system packages yet, so this is what 'make test' runs."

system-deps: ## the distribution packages that test-all needs (root)
	@echo "system-deps: nothing to install yet. Later: mariadb-server-core mariadb-client mariadb-backup php-fpm php-cli"
	@echo "php-mysql nginx-light redis-server bubblewrap postgresql chromium, for sites that really run."

demo-wordpress sim sim-long mutants bench bench-full:
	@echo "make $@: not built yet; there is nothing behind this target, so it fails." >&2; exit 1

# --- files that a program writes; a test fails when one of them is stale -----------------------------------------------

UV := $(firstword $(wildcard $(BIN)/uv) uv)

lock: ## requirements.lock from pyproject.toml (needs uv); UPGRADE=1 moves what may move
	@command -v $(UV) >/dev/null || { echo "make lock: uv is missing: $(BIN)/python -m pip install uv" >&2; exit 1; }
	@cp requirements.lock requirements.lock.new 2>/dev/null || true
	@$(UV) pip compile pyproject.toml --quiet --extra dev --universal --python-version 3.11 --generate-hashes \
	    --no-header --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade) -o requirements.lock.new >/dev/null
	@{ echo "# Written by 'make lock' from pyproject.toml; installed with --require-hashes. Do not edit."; \
	   cat requirements.lock.new; } > requirements.lock
	@rm requirements.lock.new

schemas: $(INSTALLED) ## schemas/ from the document models
	@$(BIN)/aipress schema export schemas

reference: $(INSTALLED) ## reconciler/cli/REFERENCE.md from the commands themselves
	@$(BIN)/python -m reconciler.cli.reference > reconciler/cli/REFERENCE.md.new
	@mv reconciler/cli/REFERENCE.md.new reconciler/cli/REFERENCE.md

clean: ## remove what the other targets made, the virtual environment too
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .aipress
	@find reconciler tests -name __pycache__ -type d -prune -exec rm -rf {} +
