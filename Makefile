# Three commands: run, test, check. Each sets up its own .venv first.
PYTHON ?= python3
VENV   := .venv
REPLAY := .venv-replay
BIN    := $(VENV)/bin
URL    ?=
ARCHIVE ?=
PYTEST_ARGS ?=
BENCH_ARGS ?=

.PHONY: run test test-fast soak fuzz check bench-capture bench-changes bench-revisit bench-text bench-road
.PHONY: docs format lock replay-venv clean

run: $(VENV)/.run
	@exec $(BIN)/python deploy/run.py $(if $(ARCHIVE),--archive "$(ARCHIVE)") $(if $(URL),"$(URL)")

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist worksteal $(PYTEST_ARGS)

test-fast: $(VENV)/.dev
	$(BIN)/python -m pytest -n 2 --dist worksteal tests/unit tests/contract $(PYTEST_ARGS)

# The long forms of the crash tests, an hour in all: one after another, and what they saw is printed.
soak: $(VENV)/.dev
	HOLDFAST_SOAK=1 $(BIN)/python -m pytest -s tests/crash $(PYTEST_ARGS)

check: $(VENV)/.dev
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python deploy/make_docs.py --check

# What a capture costs beside Scrapy, wget and scrapy-webarchive: docs/performance.md.
bench-capture: $(VENV)/.dev
	$(BIN)/python tests/bench/capture.py $(BENCH_ARGS)

# Whether an alert is right: a site moved through its epochs, docs/changes.md. Skips where
# HOLDFAST_SHARED does not name its folder.
bench-changes: $(VENV)/.dev
	$(BIN)/python tests/bench/changes.py $(BENCH_ARGS)

# When to look again, beside other rules, in the worlds of $HOLDFAST_SHARED: docs/revisit.md.
bench-revisit: $(VENV)/.dev
	$(BIN)/python tests/bench/revisit.py $(BENCH_ARGS)

# The text of articles beside other extractors, on the labelled pages that HOLDFAST_SHARED names: docs/text.md.
bench-text: $(VENV)/.dev
	PYTHONPATH=. $(BIN)/python tests/bench/text.py $(BENCH_ARGS)

# The whole road, from the wire to the comparison, beside wget: docs/performance.md.
bench-road: $(VENV)/.dev
	$(BIN)/python tests/bench/road.py $(BENCH_ARGS)

# A hundred thousand garbled pages through the reader of articles; the build reads two thousand.
fuzz: $(VENV)/.dev
	HOLDFAST_FUZZ=100000 $(BIN)/python -m pytest -s tests/fuzz $(PYTEST_ARGS)

# The command line reference, from the verbs themselves.
docs: $(VENV)/.dev
	$(BIN)/python deploy/make_docs.py

format: $(VENV)/.dev
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# Pinned versions with hashes and without addresses; run after a change to pyproject.toml.
lock:
	uv pip compile --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
		pyproject.toml -o requirements.txt
	uv pip compile --universal --generate-hashes --no-header --no-annotate --python-version 3.11 \
		--extra test --extra check -c requirements.txt pyproject.toml \
		-o requirements-dev.txt

# pip is renewed first: the one that Python 3.11 brings fails on this set of packages.
$(VENV)/.pip:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Holdfast needs Python 3.11 or newer: call make PYTHON=python3.12 (or another)"; exit 1; }
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	@touch $@

$(VENV)/.run: requirements.txt pyproject.toml $(VENV)/.pip
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $@

$(VENV)/.dev: requirements-dev.txt $(VENV)/.run
	$(BIN)/python -m pip install --quiet --require-hashes -r requirements-dev.txt
	@touch $@

# pywb, which the tests show archives with: in an environment of its own, with its old packages.
replay-venv: $(REPLAY)/.made

$(REPLAY)/.made: tests/replay-requirements.txt
	$(PYTHON) -m venv $(REPLAY)
	$(REPLAY)/bin/python -m pip install --quiet --upgrade pip
	$(REPLAY)/bin/python -m pip install --quiet --require-hashes -r tests/replay-requirements.txt
	@touch $@

clean:
	rm -rf $(VENV) $(REPLAY) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
