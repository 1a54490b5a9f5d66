# Everything happens in .venv; a fresh machine needs Python 3.11 (or newer) and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
WORKERS ?= 2

.PHONY: install develop demo test check format docs bench clean

install: $(VENV)/.installed
develop: $(VENV)/.developing

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
	touch $@

$(VENV)/.developing: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,evaluate]'
	touch $@

demo: install          ## 16 new sounds from a shipped model, with one picture of their spectrograms
	$(BIN)/soundloom generate drums --count 16 --out out

test: develop          ## fast, CPU, no network
	$(BIN)/python -m pytest --numprocesses $(WORKERS)

check: develop         ## format, lint, types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: develop
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: develop         ## prints tables; asserts nothing
	for script in benchmarks/*.py; do $(BIN)/python $$script; done

clean:
	rm -rf $(VENV) out .mypy_cache .ruff_cache .pytest_cache
