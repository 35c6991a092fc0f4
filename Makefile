# The commands of a fresh machine. What each needs, it sets up first; a second run starts in seconds.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CALL_TESTS = $(BIN)/pytest --quiet tests/calls tests/faults
AGAIN = --last-failed --last-failed-no-failures none --maxfail=3
REST_TESTS = $(BIN)/pytest --quiet --override-ini cache_dir=.pytest_cache/rest tests/contract tests/docs tests/golden tests/model tests/unit
.DELETE_ON_ERROR:
PIP = $(BIN)/pip --quiet --disable-pip-version-check install
LOCKS = constraints.txt constraints-test.txt
.PHONY: run test demo check faults bench lock format golden golden-today clean

$(STAMP): setup.cfg pyproject.toml $(LOCKS)
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "callrec needs Python 3.11 or newer, this is " + sys.version.split()[0] + ": install python3.11 and say make PYTHON=python3.11")'
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { echo "This Python cannot make virtual environments. Install them: apt-get install python3-venv"; exit 1; }
	@echo "== Python packages (once)"
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(PIP) --require-hashes --no-deps $(LOCKS:%=--requirement %)
	@$(PIP) --no-index --no-deps --no-build-isolation --editable .
	@touch $@

run: $(STAMP)
	@$(BIN)/python -m callrec.lab.run

demo: $(STAMP)
	@$(BIN)/callrec demo

check: $(STAMP)
	@$(BIN)/ruff format --check --quiet service tests bench .ci
	@$(BIN)/ruff check --quiet service tests bench .ci
	@$(BIN)/mypy --no-error-summary
	@$(BIN)/lint-imports >.lint-imports.out 2>&1 || { cat .lint-imports.out; exit 1; }
	@$(BIN)/pytest --quiet tests/unit tests/model tests/docs tests/golden

# Real calls mostly wait, the rest computes: so they run side by side. Calls are measured to 60 ms: the rest gives way to them. What
# fails there is run again when the machine is quiet (docs/decisions/0015-measured-again.md).
test: $(STAMP)
	@nice -n 19 $(REST_TESTS) >.test-rest.out 2>&1 & rest=$$!; \
	trap 'kill $$rest' INT TERM; \
	$(CALL_TESTS); calls=$$?; \
	wait $$rest; others=$$?; cat .test-rest.out; \
	if [ $$calls -eq 1 ] || [ $$others -eq 1 ]; then \
		echo "== What failed above, once more, on a quiet machine: a failure that does not come again is worth a look, too"; \
		[ $$calls -ne 1 ] || { $(CALL_TESTS) $(AGAIN); calls=$$?; }; \
		[ $$others -ne 1 ] || { $(REST_TESTS) $(AGAIN); others=$$?; }; \
	fi; \
	exit $$((calls || others))

# Long runs: CASE=name (or a pattern such as 'deaf-*'), N=times, AT_ONCE=calls. Interrupted, it goes on where it was.
faults: $(STAMP)
	@CASE='$(CASE)' N='$(N)' AT_ONCE='$(AT_ONCE)' $(BIN)/python tests/faults/long_runs.py

bench: $(STAMP)
	@$(BIN)/python -m bench

# New hashes, e.g. after a change of setup.cfg; make lock UPGRADE=1 takes the newest versions
lock: $(STAMP)
	@$(BIN)/python .ci/lock.py $(if $(UPGRADE),--upgrade)

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
