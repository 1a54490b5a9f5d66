# Everything happens in .venv; a fresh machine needs Python 3.11 (or newer) with its venv module, and make.
#   make demo     16 new sounds in out/          make test    installs what is missing, runs the tests
PYTHON ?= python3
VENV ?= .venv
OUT ?= out
WORKERS ?= 2
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

# torch's own loops, MKL and oneDNN choose their code by the processor; these settings choose the code of others
PROCESSORS ?= ATEN_CPU_CAPABILITY=default ATEN_CPU_CAPABILITY=avx2 MKL_CBWR=COMPATIBLE ONEDNN_MAX_CPU_ISA=SSE41
ARITHMETIC ?= $(addprefix tests/,descriptors generation metrics representations systems training test_every_system.py)

ifdef SOUNDLOOM_DATA
export SOUNDLOOM_DATA
endif
ifdef SOUNDLOOM_CACHE
export SOUNDLOOM_CACHE
endif

.PHONY: help install develop demo test test-processors check format docs bench clean

help:                  ## list the targets
	@sed -n 's|^\([a-z-]*\):[^#]*## *|  make \1\t|p' Makefile

install: $(VENV)/.installed   ## install soundloom in .venv

develop: $(VENV)/.developing  ## install soundloom with what its tests need

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "soundloom needs Python 3.11 or newer: install it, then run make PYTHON=python3.11 $(MAKECMDGOALS)" >&2; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || \
		{ echo "Python's venv module is missing: apt-get install python3-venv (as root), then repeat make $(MAKECMDGOALS)" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable .
	@touch $@

$(VENV)/.developing: pyproject.toml constraints.txt | $(BIN)/python
	$(PIP) --editable '.[dev,evaluate]'
	@touch $@ $(VENV)/.installed

demo: install          ## generate 16 sounds with a shipped model into out/, with a picture of their spectrograms
	$(BIN)/soundloom generate drums --count 16 --seed 16 --out $(OUT) --replace

test: develop          ## run the tests, on the CPU and without a network; SOUNDLOOM_DATA=FOLDER adds tests on real sounds
	$(BIN)/python -m pytest --numprocesses $(WORKERS)

test-processors: develop   ## run the tests that depend on arithmetic with the instructions of other processors (half an hour)
	for settings in $(PROCESSORS); do \
		echo "== $$settings"; env $$settings $(BIN)/python -m pytest --numprocesses $(WORKERS) $(ARITHMETIC) || exit 1; \
	done

check: develop         ## check format, lint and types
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy

format: develop        ## format the code and fix what the linter can
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: develop          ## run the commands and the Python code of the README and the guides, and check their links
	$(BIN)/python -m pytest tests/test_readme.py

bench: develop         ## print tables of times and errors (half an hour); SOUNDLOOM_DATA=FOLDER for those on real sounds
	for script in benchmarks/*.py; do echo "== $$script"; $(BIN)/python $$script || true; done

clean:                 ## remove .venv, out and the tools' caches
	rm -rf .venv out .mypy_cache .ruff_cache .pytest_cache
