# The commands of a fresh machine. What each needs, it sets up first; a second run starts in seconds.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
.DELETE_ON_ERROR:
# Some images of Python set it; without compiled modules each of a hundred test processes compiles all of them
unexport PYTHONDONTWRITEBYTECODE
PIP = $(BIN)/pip --quiet --quiet --disable-pip-version-check install
LOCKS = constraints.txt constraints-test.txt
.PHONY: run test test-loaded demo check faults fuzz bench measure lock format docs words vendor screenshots golden golden-today clean

$(STAMP): setup.cfg pyproject.toml $(LOCKS)
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "callrec needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": install python3.11 and say make PYTHON=python3.11")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "This Python cannot make virtual environments. Install them: apt-get install python3-venv"; exit 1; }
	@echo "== Python packages (once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes --no-deps $(LOCKS:%=--requirement %)
	@$(PIP) --no-index --no-deps --no-build-isolation --editable .
	@touch $@

run: $(STAMP)
	@$(BIN)/python -m callrec_lab.run

demo: $(STAMP)
	@$(BIN)/python -m callrec_lab.demo

check: $(STAMP)
	@$(BIN)/ruff format --check --quiet service tests bench .ci
	@$(BIN)/ruff check --quiet service tests bench .ci
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports >.lint-imports.out 2>&1 || { cat .lint-imports.out; exit 1; }
	@$(BIN)/python tests/support/run_files.py tests/unit tests/model tests/docs tests/golden

# Every test file, several side by side: FILES='tests/calls tests/faults/test_disk.py', AT_ONCE=files with calls, TIMES=1 tells the slowest
test: $(STAMP)
	@$(BIN)/python tests/support/run_files.py $(FILES) $(if $(AT_ONCE),--at-once $(AT_ONCE)) $(if $(TIMES),--times)

# The same N times (5) beside a busy loop for each core: a test that fails there measures the machine
test-loaded: $(STAMP)
	@$(BIN)/python tests/support/run_files.py $(FILES) $(if $(AT_ONCE),--at-once $(AT_ONCE)) --loaded $(or $(N),5)

# Long runs: CASE=name (or a pattern such as 'deaf-*', several with commas, `transfers`), N=times, AT_ONCE=calls. Interrupted, it goes on where it was.
faults: $(STAMP)
	@exec env PYTHONPATH=tests/support CASE='$(CASE)' N='$(N)' AT_ONCE='$(AT_ONCE)' $(BIN)/python tests/faults/long_runs.py

# Requests at random to every operation of the API, as each role: N times (60) as many as `make test` sends
fuzz: $(STAMP)
	@CALLREC_FUZZ=$(or $(N),60) $(BIN)/pytest -q tests/contract/test_api_fuzzed.py

bench: $(STAMP)
	@$(BIN)/python -m bench

# How large the parts are that everybody reads, and how many modules one press of *3 passes
measure: $(STAMP)
	@$(BIN)/python .ci/measure.py

# New hashes, e.g. after a change of setup.cfg; make lock UPGRADE=1 takes the newest versions
lock: $(STAMP)
	@$(BIN)/python .ci/lock.py $(if $(UPGRADE),--upgrade)

# The pages that are made of the code, after a change of it
docs: $(STAMP)
	@$(BIN)/python tests/docs/errors_page.py
	@$(BIN)/python tests/docs/events_page.py

# The sentences of the pages, into each language's catalogues (docs/pages.md)
words: $(STAMP)
	@PYTHONPATH=tests/support $(BIN)/python tests/support/page_words.py

# The scripts of others that the pages use, as vendor.toml names them; needs npm
vendor: $(STAMP)
	@$(BIN)/python .ci/vendor.py $(if $(RENEW),--renew)

# Every page, light and dark, into docs/screenshots (docs/pages.md)
screenshots: $(STAMP)
	@$(BIN)/python tests/pages/screenshots.py

# The golden files of formats and names, after a change on purpose (docs/TESTING.md, Formats that are frozen)
golden: $(STAMP)
	@$(BIN)/python tests/golden/renew.py

# What a real product of this version leaves behind, anew: about two minutes of real calls
golden-today: $(STAMP)
	@$(BIN)/python tests/golden/record.py
	@$(BIN)/python tests/golden/renew.py

format: $(STAMP)
	@$(BIN)/ruff check --fix --quiet service tests bench .ci
	@$(BIN)/ruff format --quiet service tests bench .ci

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage* build service/*.egg-info
