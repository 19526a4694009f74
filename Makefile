# `make demo` runs the main job, `make test` the whole suite; each sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test notebooks soak bench bench-analysis bench-full check generate clean

demo: .venv/run.stamp
	$(BIN)/graph-orch demo

test: .venv/dev.stamp
	$(BIN)/python -m pytest --nbmake

notebooks: .venv/dev.stamp
	$(BIN)/python scripts/run_notebooks.py

soak: .venv/dev.stamp
	FAULT_MANY=5000 FAULT_TASKS=1000 FAULT_WORKERS=64 FAULT_PROCESSES=4 FAULT_KILLS=5 FAULT_SEEDS=1,2,3 \
	FAULT_END_SECONDS=600 FUZZ_SECONDS=600 $(BIN)/python -m pytest tests/faults -s

bench: .venv/bench.stamp
	BENCH_COMMAND="make bench" $(BIN)/python -m benchmarks --out docs/performance --document docs/performance.md

bench-analysis: .venv/bench.stamp
	$(BIN)/python -m benchmarks.analysis

bench-full: .venv/bench.stamp
	BENCH_COMMAND="make bench-full" $(BIN)/python -m benchmarks --full --out benchmarks/out/full

check: .venv/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/pyright
	$(BIN)/lint-imports
	$(BIN)/python scripts/generate_sync.py --check

generate: .venv/dev.stamp
	$(BIN)/python scripts/generate_sync.py

clean:
	rm -rf .venv

.venv/python.stamp:
	$(PYTHON) -m venv .venv
	touch $@

.venv/run.stamp: .venv/python.stamp pyproject.toml
	$(BIN)/pip install --quiet --editable '.[embedded]'
	touch $@

.venv/dev.stamp: .venv/python.stamp pyproject.toml
	$(BIN)/pip install --quiet --editable '.[embedded,dev]'
	touch $@ .venv/run.stamp

.venv/bench.stamp: .venv/python.stamp pyproject.toml
	$(BIN)/pip install --quiet --editable '.[embedded,bench,fast]'
	touch $@
