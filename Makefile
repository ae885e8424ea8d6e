# The targets are a contract (see README.md); `make` alone lists them.

PYTHON ?=
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
# Two workers: the machine the figures are promised for has two cores.
PYTEST := $(BIN)/pytest -n 2

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo test check test-long test-all system-deps demo-wordpress sim sim-long mutants bench bench-full \
        lock protos coverage schemas reference clean

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
	@$(PYTEST) -m "not system and not long"

check: $(INSTALLED) ## linters, types, import rules and the fast tests: four minutes on two cores
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(PYTEST) -m "not slow and not long"

test-long: $(INSTALLED) ## every cell of the fault matrix, every moment to die at, every seed: a quarter of an hour
	@$(PYTEST) -m long

test-all: test ## test, and what needs the packages of system-deps; what is not there is skipped, with the reason
	@$(PYTEST) -m system -rs

# Later also: mariadb-server-core mariadb-client mariadb-backup php-fpm php-cli php-mysql nginx-light redis-server
# bubblewrap chromium, for sites that really run.
SYSTEM_PACKAGES := postgresql
POSTGRES := /usr/lib/postgresql/*/bin/postgres

system-deps: ## the distribution packages that test-all needs (root)
	@if command -v postgres >/dev/null || ls $(POSTGRES) >/dev/null 2>&1; then \
	    echo "system-deps: $(SYSTEM_PACKAGES) is there."; exit 0; fi; \
	[ "$$(id -u)" -eq 0 ] || { echo "make system-deps: run it as root: it installs $(SYSTEM_PACKAGES) with apt" >&2; exit 1; }; \
	command -v apt-get >/dev/null || { echo "make system-deps: there is no apt here; install $(SYSTEM_PACKAGES) by hand" >&2; exit 1; }; \
	export DEBIAN_FRONTEND=noninteractive; \
	{ apt-get -qq update && apt-get -qq -y --no-install-recommends install $(SYSTEM_PACKAGES) >/dev/null; } || { \
	    echo "make system-deps: apt could not install $(SYSTEM_PACKAGES) (its own words are above): is there a network, and a" >&2; \
	    echo "mirror that has them? Without them 'make test-all' skips the tests that need them, and says so." >&2; exit 1; }

sim: $(INSTALLED) ## the simulation, two and a half minutes of it: deaths, stale reads, faults; AIPRESS_SIM_SEED
	@$(BIN)/python -m tests.simulation --seconds 150

N := 100000
sim-long: $(INSTALLED) ## the same for as long as it takes: all deaths, all pairs of deaths, N=100000 by chance
	@$(BIN)/python -m tests.simulation --pairs --edits 40 --count $(N)

bench: $(INSTALLED) ## the local cloud against a peer in the same minute, with 60,000 resources: ratios
	@$(BIN)/python -m tests.bench

bench-full: $(INSTALLED) ## the same with 600,000 resources; PUBLISH=1 writes both into tests/bench/RESULTS.md
	@$(BIN)/python -m tests.bench $(if $(PUBLISH),--publish)
	@$(BIN)/python -m tests.bench --resources 600000 $(if $(PUBLISH),--publish)

mutants: $(INSTALLED) ## plant 100 bugs, one at a time, and see that the tests notice (ONLY=text of a name)
	@$(BIN)/python -m tests.mutants $(if $(ONLY),--only "$(ONLY)")

demo-wordpress:
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

# Google's protos, as Google publishes them on the npm registry; what is compiled from them is committed.
PROTOS := google-proto-files@5.0.3

protos: $(INSTALLED) ## the local cloud's API model from Google's published protos (needs npm)
	@folder="$$(mktemp -d)" && trap 'rm -rf "$$folder"' EXIT && npm pack --silent --pack-destination "$$folder" $(PROTOS) >/dev/null && \
	    tar -xzf "$$folder"/*.tgz -C "$$folder" && $(BIN)/python -m reconciler.localcloud.api.build_protos "$$folder/package"

coverage: $(INSTALLED) ## what the local cloud has of Google's APIs, and its likeness to ../shared/conformance
	@$(BIN)/python -m tests.conformance.recorded --write
	@$(BIN)/python -m reconciler.localcloud.coverage --write

reference: $(INSTALLED) ## reconciler/cli/REFERENCE.md from the commands themselves
	@$(BIN)/python -m reconciler.cli.reference > reconciler/cli/REFERENCE.md.new
	@mv reconciler/cli/REFERENCE.md.new reconciler/cli/REFERENCE.md

clean: ## remove what the other targets made, the virtual environment too
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .aipress
	@find reconciler tests -name __pycache__ -type d -prune -exec rm -rf {} +
