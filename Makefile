# What CI runs, and what a developer needs. PYTHON chooses the interpreter, 3.10 or newer.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: demo test lint docs bench screenshots clean

demo: $(VENV)/installed
	$(BIN)/python examples/demo.py

test: $(VENV)/equipped
	rm -f .coverage*
	$(BIN)/coverage run -m twisted.trial tests
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

lint: $(VENV)/equipped
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

docs: $(VENV)/equipped
	$(BIN)/sphinx-build -W --keep-going -q -b html docs docs/_build

bench: $(VENV)/comparable
	$(BIN)/python -m benchmarks --json benchmarks/results.json
	$(BIN)/python -m benchmarks.report

# Needs Debian's chromium, chromium-driver and pngquant.
screenshots: $(VENV)/equipped
	PYCOM_SCREENSHOTS=$(CURDIR)/docs/console $(BIN)/trial tests.live.test_console_pictures
	pngquant --force --strip --ext .png docs/console/*.png

clean:
	rm -rf $(VENV) build dist docs/_build .coverage* .interop _trial_temp* *.egg-info

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "Python 3.10 or newer is needed, $(PYTHON) is older: make PYTHON=python3.12 $(MAKECMDGOALS)"; \
		exit 1; }
	$(PYTHON) -m venv $(VENV)

$(VENV)/installed: $(VENV)/bin/python setup.py pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	touch $@

$(VENV)/equipped: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $@

$(VENV)/comparable: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	touch $@
