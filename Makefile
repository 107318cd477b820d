# make run   the demo job, then the app on it (PORT=8502 for another port)
# make test  everything CI runs
PYTHON ?= python3
PORT ?= 8501
BIN := .venv/bin
STAMP := .venv/.fewmark-installed

.PHONY: env run test lint types unit browser clean

env: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit("Fewmark needs Python 3.11 or newer, this is " + sys.version.split()[0]) if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@echo "Installing Fewmark and what it needs into .venv (torch is large) ..."
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable ".[dev]"
	@touch $@

run: env
	$(BIN)/fewmark demo
	$(BIN)/fewmark serve --port $(PORT)

test: lint types unit

lint: env
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

types: env
	$(BIN)/mypy

unit: env browser
	$(BIN)/pytest -n 2 -m "not browser" --cov --cov-report=term
	$(BIN)/pytest -m browser -n 2 --dist loadfile

# Browser tests drive Debian's chromium; without root they use the one that is installed, if any.
browser:
	@command -v chromium >/dev/null || command -v google-chrome >/dev/null || { \
	  if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
	    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium >/dev/null; \
	  else echo "No chromium found: browser tests will be skipped."; fi; }

clean:
	rm -rf .venv fewmark-workspace .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
