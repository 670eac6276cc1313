# `make run` and `make test` set up everything they need in .venv first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# Instruction sets to build, "baseline;avx2" on x86-64 when empty.
ANTIPHASE_ISAS ?=

.PHONY: run test test-all bench lint docs build wasm stubs setup clean

setup: $(VENV)/.native

$(VENV)/.created:
	$(PYTHON) tools/check_python.py
	$(PYTHON) -m venv $(VENV)
	touch $@

$(VENV)/.run: $(VENV)/.created requirements/build.txt requirements/run.txt requirements/constraints.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/build.txt -r requirements/run.txt
	touch $@

$(VENV)/.deps: $(VENV)/.run requirements/dev.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/dev.txt
	touch $@

$(VENV)/.bench: $(VENV)/.deps requirements/bench.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/bench.txt
	touch $@

$(VENV)/.cluster: $(VENV)/.deps requirements/cluster.txt
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements/cluster.txt
	touch $@

# In an environment of its own: its pins don't go with ours.
$(VENV)/.checkov: $(VENV)/.created requirements/checkov.txt
	$(PYTHON) -m venv $(VENV)/checkov
	$(VENV)/checkov/bin/python -m pip install --quiet --disable-pip-version-check -r requirements/checkov.txt
	touch $@

$(VENV)/.native: $(VENV)/.run pyproject.toml CMakeLists.txt $(wildcard native/*.hpp native/*.cpp native/bindings/* native/media/*) tools/build_native.py
	$(BIN)/python tools/build_native.py $(if $(ANTIPHASE_ISAS),--isas "$(ANTIPHASE_ISAS)")
	touch $@

build: $(VENV)/.native

wasm: $(VENV)/.bench
	$(BIN)/python tools/build_wasm.py

stubs: $(VENV)/.native
	$(BIN)/python tools/stubs.py

run: $(VENV)/.native
	$(BIN)/antiphase rig --serve --scene road --then transformer

lint: $(VENV)/.native $(VENV)/.deps
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

# The platform's emulator for the edge tests; without it they are skipped (and fail under CI=true).
build/aws-lambda-rie: $(VENV)/.deps
	-$(BIN)/python tools/get_emulator.py

test: lint build/aws-lambda-rie
	$(BIN)/pytest -m "not slow"

test-all: lint build/aws-lambda-rie $(VENV)/.bench $(VENV)/.cluster $(VENV)/.checkov
	$(BIN)/pytest

bench: $(VENV)/.native $(VENV)/.bench
	$(BIN)/python -m benchmarks

docs: $(VENV)/.native $(VENV)/.deps
	$(BIN)/python tools/docs.py

clean:
	rm -rf build $(VENV)
