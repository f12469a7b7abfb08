# Labelwright. `make help` lists the targets. Only Python 3.11 or newer, pip and make are needed.
.DEFAULT_GOAL := help
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3 python; do \
	$$p -c 'import sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
BIN := .venv/bin
# BLAS threads oversubscribe the cores as soon as two tests run side by side.
export OMP_NUM_THREADS ?= 1
export OPENBLAS_NUM_THREADS ?= 1
# The pages are built with what works today; its announcements are not ours to print.
export NO_MKDOCS_2_WARNING ?= 1
# Without byte code every process that a test starts would compile the package again.
unexport PYTHONDONTWRITEBYTECODE
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: help demo test check bench bench-quality bench-augmentation docs env format clean

help: ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

demo: .venv/core ## Set up, run the main job on real data, write its report (needs no network after set-up)
	$(BIN)/labelwright demo

test: .venv/dev ## Set up, run every check: format, lint, types, import contracts, tests, documentation
	$(MAKE) --no-print-directory check-static
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal
	$(BIN)/mkdocs build --strict --quiet

check: .venv/dev check-static ## Format, lint, types, import contracts, fast tests (under two minutes)
	$(BIN)/python -m pytest --numprocesses 2 --dist worksteal -m "not slow" --quiet

.PHONY: check-static
check-static:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/dev ## Format the code and mend what lint can mend
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: .venv/dev .venv-peers/installed ## Measure speed and memory beside the peers (installs them into .venv-peers)
	$(BIN)/python -m benchmarks

bench-quality: .venv/dev .venv-peers/installed ## Score labels on real votes without gold beside the peers (some ten minutes)
	$(BIN)/python -m benchmarks.quality

bench-augmentation: .venv/dev ## Compare policies of augmentation by what end models learn with them (hours on two cores; resumes)
	OMP_NUM_THREADS=2 $(BIN)/python -m benchmarks.augmentation

docs: .venv/dev ## Build the documentation into site/
	$(BIN)/mkdocs build --strict

env: .venv/dev ## Make .venv with every extra and every development tool

.venv/bin/python:
	@test -n "$(PYTHON)" || { echo "Python 3.11 or newer with venv is needed; set PYTHON=/path/to/python" >&2; exit 1; }
	$(PYTHON) -m venv .venv

# The stamps hold what is installed: the core alone (enough for the demo), or all extras and tools.
.venv/core: .venv/bin/python pyproject.toml constraints.txt
	@test -f .venv/dev || { echo "Installing labelwright into .venv ..."; $(PIP) --editable .; }
	@touch $@

.venv/dev: .venv/bin/python pyproject.toml constraints.txt
	@echo "Installing labelwright with every extra and tool into .venv ..."
	$(PIP) --no-compile --editable '.[all,dev]'
	@# Byte code by all cores at once: pip takes one. What libraries hold for newer Pythons does not compile.
	@$(BIN)/python -m compileall -qq -j 0 .venv/lib || true
	@touch $@ .venv/core

# The peers live apart: their requirements must not bend ours.
.venv-peers/installed: benchmarks/peers.txt constraints.txt
	@echo "Installing the peers into .venv-peers ..."
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --requirement benchmarks/peers.txt
	@touch $@

clean: ## Remove what the other targets made
	rm -rf .venv .venv-peers site build dist labelwright-demo .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
