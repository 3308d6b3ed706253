# What CI runs, and what a developer needs. PYTHON chooses the interpreter, 3.10 or newer.

PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

# Each process would compile the modules again that it imports, and tests start hundreds.
unexport PYTHONDONTWRITEBYTECODE

# The tests, in parts that take about as long and run beside each other. What is in none of the
# others is in the last.
TESTS := $(sort $(wildcard tests/test_*.py tests/*/test_*.py))
memory := $(wildcard tests/test_*.py)
gateway := $(wildcard $(addprefix tests/live/test_,console*.py gateway.py http_client.py))
around := $(wildcard tests/interop/test_*.py \
	$(addprefix tests/live/test_,benchmarks.py documents.py gallery.py packaging.py wrong_answers.py))
services := $(filter-out $(memory) $(gateway) $(around),$(TESTS))
PARTS = test-services test-around test-gateway test-memory

.PHONY: demo test $(PARTS) lint docs bench screenshots clean

demo: $(VENV)/installed
	$(BIN)/python examples/demo.py

# BESIDE="lint docs" makes those at the same time.
test: $(VENV)/equipped
	rm -f .coverage*
	$(MAKE) --no-print-directory --keep-going --output-sync --jobs=4 $(PARTS) $(BESIDE)
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

$(PARTS): test-%: $(VENV)/equipped
	$(BIN)/coverage run -m twisted.trial --temp-directory=_trial_temp-$* $($*)

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

# What is installed for the tests is installed for the demo, too.
$(VENV)/equipped: $(VENV)/bin/python setup.py pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	touch $(VENV)/installed $@

$(VENV)/comparable: $(VENV)/installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[bench]'
	touch $@
