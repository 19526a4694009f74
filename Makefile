# `make demo` runs the main job, `make test` the whole suite, `make test-unit` what needs no server;
# each sets up what it needs.
PYTHON ?= python3
BIN := .venv/bin
# -n auto is two processes, each with a server of its own, or one where NEO4J_TEST names one: see tests/conftest.py.
PYTEST := $(BIN)/python -m pytest --dist loadfile --no-loadscope-reorder

.PHONY: demo test test-unit notebooks soak bench bench-analysis bench-full check docs generate release clean

demo: .venv/run.stamp
	$(BIN)/graph-orch demo

test: .venv/dev.stamp
	$(PYTEST) -n auto --nbmake

test-unit: .venv/dev.stamp
	$(PYTEST) -n 2 tests/unit

notebooks: .venv/dev.stamp
	$(BIN)/python scripts/run_notebooks.py

soak: .venv/dev.stamp
	FAULT_MANY=5000 FAULT_TASKS=1000 FAULT_WORKERS=64 FAULT_PROCESSES=4 FAULT_KILLS=5 FAULT_SEEDS=1,2,3 \
	FAULT_END_SECONDS=600 FUZZ_SECONDS=600 $(BIN)/python -m pytest tests/faults -s
	$(PYTEST) -n auto -m "not faults" --hypothesis-profile new

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
	$(BIN)/python -m scripts.check_examples
	$(BIN)/lint-imports
	$(BIN)/python scripts/generate_sync.py --check

docs: .venv/docs.stamp
	mkdir -p build
	$(BIN)/typer graph_orch.cli.app utils docs --name graph-orch --output docs/reference/cli.md
	$(BIN)/zensical build --clean --strict >build/docs.log 2>&1 || { cat build/docs.log; false; }
	! grep '^griffe:' build/docs.log  # what it says of docstrings, --strict does not count
	$(BIN)/python scripts/check_site.py site

release: .venv/release.stamp
	scripts/release

generate: .venv/dev.stamp
	$(BIN)/python scripts/generate_sync.py

clean:
	rm -rf .venv

.venv/pip.stamp:
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade 'pip>=25.1'  # the first that installs dependency groups
	touch $@

.venv/run.stamp: .venv/pip.stamp pyproject.toml
	$(BIN)/pip install --quiet --editable '.[embedded,web]'
	touch $@

.venv/dev.stamp: .venv/pip.stamp pyproject.toml
	$(BIN)/pip install --quiet --group dev --editable '.[a2a,analysis,embedded,kafka,langgraph,mcp,metrics,nats,notebooks,openai-agents,otel,pydantic-ai,ray,redis,top,web,webhooks]'
	touch $@ .venv/run.stamp

.venv/bench.stamp: .venv/pip.stamp pyproject.toml
	$(BIN)/pip install --quiet --group bench --editable '.[analysis,embedded,fast,mcp,nats,webhooks]'
	touch $@

.venv/docs.stamp: .venv/pip.stamp pyproject.toml
	$(BIN)/pip install --quiet --group docs --editable .
	touch $@

.venv/release.stamp: .venv/pip.stamp pyproject.toml
	$(BIN)/pip install --quiet --group release
	touch $@
