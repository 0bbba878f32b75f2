# Each target sets up what it needs: a virtual environment in .venv with the pinned packages.

VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3
# What every study imports is compiled once, and nothing else.
COMPILED := import snakemake.cli, seedvar.report.notebook; from seedvar.engine import warm; warm.preload()

.PHONY: help house setup quickstart test test-fast test-slurm bench bench-gpu bench-scale bench-statistics bench-coverage bench-real-or-noise lint format schema lock

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "%-20s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(VENV)/installed  ## Install seedvar and the pinned packages into .venv

$(VENV)/installed: envs/requirements.lock pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --no-compile --requirement envs/requirements.lock
	$(BIN)/pip install --quiet --no-deps --editable .
	env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -P -c '$(COMPILED)'
	touch $@

quickstart: setup  ## Train and report the quickstart study: results/quickstart/
	$(BIN)/snakemake --config study=quickstart

test: setup  ## Run every test
	$(BIN)/python -m pytest

test-fast: setup  ## Run the tests that run no workflow: for the work in between
	$(BIN)/python -m pytest -m fast

test-slurm: setup  ## Run the tests that need a SLURM, on one that they start (Debian or Ubuntu, as root)
	tests/slurm/with_slurm.sh $(BIN)/python -m pytest --numprocesses=0 tests/slurm

bench: setup  ## Measure cells an hour against Transformers' Trainer (GLUE: SEEDVAR_GLUE_DIR; half an hour)
	$(BIN)/python tests/benchmark/throughput.py --model syn-bert --tasks syn-rte syn-mrpc --updates 90
	test -z "$$SEEDVAR_GLUE_DIR" || $(BIN)/python tests/benchmark/throughput.py --tasks mrpc rte cola stsb

bench-gpu: setup  ## Measure a GPU: throughput, share of its peak, cells side by side, bits (GLUE: SEEDVAR_GLUE_DIR)
	$(BIN)/python tests/benchmark/gpu.py

bench-scale: setup  ## Measure planning, serving and collecting of up to 16,000 made-up cells (takes a while)
	$(BIN)/python tests/benchmark/scale.py

bench-statistics: setup  ## Measure the statistics of 5,000 made-up runs
	$(BIN)/python tests/benchmark/statistics_of_many_runs.py

bench-coverage: setup  ## Simulate how often statements are false and intervals miss (takes hours; small in the tests)
	$(BIN)/python tests/benchmark/coverage.py

bench-real-or-noise: setup  ## Simulate whether the split of the spread into real and noise holds (hours)
	$(BIN)/python tests/benchmark/real_or_noise.py

house: setup  ## Print which room of the package imports which, and what is wrong with it
	$(BIN)/python tests/house/plan.py

lint: setup  ## Check style and the workflow
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow/rules
	$(BIN)/snakemake --lint

format: setup  ## Put code and rules into the house style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow/rules

schema: setup  ## Write the JSON schemas anew after a change of what a user may write
	$(BIN)/seedvar schema study > workflow/schemas/study.schema.json
	$(BIN)/seedvar schema task > workflow/schemas/task.schema.json
	$(BIN)/seedvar schema config > workflow/schemas/config.schema.json

lock:  ## Pin the newest packages that pyproject.toml allows
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet 'torch==2.13.0' '.[slurm,minilm,lora,dev]'
	{ grep '^#' envs/requirements.lock; .venv-lock/bin/pip freeze --exclude seedvar | sed -E 's/^torch==([0-9.]+).*/torch==\1/'; } > envs/requirements.lock.new
	mv envs/requirements.lock.new envs/requirements.lock && rm -rf .venv-lock
