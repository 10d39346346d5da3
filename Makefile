# Everything sets itself up: a virtual environment in .venv, made once and again when its
# requirements change.
PYTHON ?= python3
VENV := .venv
STAMP := $(VENV)/.installed
RUN := $(VENV)/bin/python

.PHONY: help compare test coverage lint bench clean

help:  ## show this list
	@sed -nE 's/^([a-z]+):.*## (.*)/  make \1\t\2/p' $(MAKEFILE_LIST)

compare: $(STAMP)  ## train the network three times, side by side, and print the report
	@$(RUN) compare.py

test: $(STAMP)  ## run the tests
	@$(RUN) -m pytest -n auto

coverage: $(STAMP)  ## run the tests, and say which lines no test runs (half as long again)
	@$(RUN) -m pytest -n auto --cov --cov-report=term

lint: $(STAMP)  ## ruff and mypy
	@$(RUN) -m ruff check .
	@$(RUN) -m ruff format --check .
	@$(RUN) -m mypy

bench: $(STAMP)  ## measure what the README and the docs claim about speed and memory
	@$(RUN) -m benchmarks

clean:  ## remove the virtual environment and what tools left behind
	rm -rf $(VENV) .coverage .coverage.* .mypy_cache .pytest_cache .ruff_cache .hypothesis *.egg-info

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "isograd needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Name another: make PYTHON=python3.12 ...")'
	@echo "Setting up $(VENV) (once; PyTorch and JAX are large)"
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	@$(RUN) -m pip install --quiet --disable-pip-version-check 'pip>=25.1'
	@PYTHONWARNINGS=ignore $(RUN) -m pip install --quiet --disable-pip-version-check -c constraints.txt -e . --group dev
	@touch $@
