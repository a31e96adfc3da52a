# Two commands do everything on a fresh machine with Python 3.11, make and git:
#   make run    install, run the daily job on the sample, show the reconciliation
#   make test   install, run all tests
SHELL := /bin/bash
PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
export LOANBOOK_HOME ?= $(CURDIR)/data/instance
export LOANBOOK_DAGSTER_STORAGE ?= $(LOANBOOK_HOME)/dagster
export DAGSTER_HOME ?= $(LOANBOOK_HOME)/dagster
export GX_ANALYTICS_ENABLED := false
unexport PYTHONDONTWRITEBYTECODE  # packages are compiled once, not by each process that a run starts
CASES ?=
SEED ?= 1
LIVES ?= 2000

.PHONY: run test bench lint docs dashboard dagster conformance payment-files oracle fuzz lock clean install

$(READY): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || command -v python3 >/dev/null || { echo "loanbook needs Python 3.11: install it, or set PYTHON=..."; exit 1; }
	@test -x $(BIN)/python || $$(command -v $(PYTHON) || command -v python3) -m venv $(VENV)
	@if command -v uv >/dev/null; then \
	  uv pip install -q --python $(BIN)/python --no-deps --require-hashes -r requirements.lock && \
	  uv pip install -q --python $(BIN)/python --no-deps --no-build-isolation -e . ; \
	else \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements.lock && \
	  $(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . ; \
	fi
	@touch $@

install: $(READY)

run: $(READY)  ## the real Dagster job on the real tape, then the reconciliation table
	@$(BIN)/loanbook demo

test: $(READY)
	POLARS_MAX_THREADS=1 $(BIN)/python -m pytest

bench: $(READY)
	$(BIN)/python -m bench
	$(BIN)/python -m bench.decisions
	$(BIN)/python -m bench.documents
	$(BIN)/python -m bench.persons

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(READY)  ## the generated pages of docs/
	$(BIN)/python -m loanbook.pipelines.reporting.pages

dashboard: $(READY)  ## the pages, at http://localhost:8501
	$(BIN)/streamlit run dashboards/serving/server.py --server.port 8501

dagster: $(READY)  ## Dagster's own pages, at http://localhost:3000
	@$(BIN)/loanbook dagster

conformance: $(READY)  ## cases of a folder: make conformance CASES=FOLDER
	$(BIN)/python -m tests.conformance.runner $(CASES)

payment-files: $(READY)  ## bank files of a folder: make payment-files CASES=FOLDER
	$(BIN)/python -m tests.payment_files.runner $(CASES)

oracle: $(READY)  ## engine and reference, and metamorphic laws, over other lives, and more: make oracle SEED= LIVES=
	POLARS_MAX_THREADS=1 SEED=$(SEED) LIVES=$(LIVES) $(BIN)/python -m pytest -n 0 tests/oracle

fuzz: $(READY)  ## 1,000,000 mutations of bank files, 10,000 of others, 2,000 random orders: make fuzz SEED=
	POLARS_MAX_THREADS=1 SEED=$(SEED) FUZZ=1000000 $(BIN)/python -m pytest -n 0 tests/payment_files/test_mutated_files.py
	POLARS_MAX_THREADS=1 SEED=$(SEED) FUZZ=10000 ORDERS=2000 $(BIN)/python -m pytest -n 0 tests/pipelines/test_fuzz.py

lock:  ## pin anew; needs uv
	uv pip compile pyproject.toml --group dev --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-annotate --no-header -q -U -o requirements.lock

clean:
	rm -rf build data/instance .mypy_cache .ruff_cache .pytest_cache
