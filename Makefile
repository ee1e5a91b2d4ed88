# Every target that needs the environment makes it first; nothing to install by hand but python3, venv, make and git.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# Pytest arguments, e.g. `make test TESTS="tests/shared -x"`.
TESTS ?=
# Or `make images COMPOSE="docker compose"`; further files by -f.
COMPOSE ?= docker-compose
# A picture of your own, e.g. `make demo IMAGE=harbour.tif`.
IMAGE ?=
# A folder of COCO-style folders with real images to train on, e.g. `make train-nano DATA=../data`.
DATA ?=

.DEFAULT_GOAL := help
.PHONY: help setup demo up down status test extras lint protos bench stats train-nano lock images up-containers down-containers

help:  ## What there is
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-16s %s\n", $$1, $$2}'

setup: $(READY)  ## Make .venv and install everything into it (CPU build of torch on a machine without a GPU)

$(READY): pyproject.toml requirements/versions.txt scripts/set_up_environment.py
	@$(PYTHON) scripts/set_up_environment.py

demo: $(READY)  ## Start the suite, answer questions about sample images (or IMAGE=path), show the answers, stop
	@$(BIN)/earthgptx demo $(if $(IMAGE),--image "$(IMAGE)")

up: $(READY)  ## Start the suite in the background
	@$(BIN)/earthgptx up --detach

down: $(READY)  ## Stop it
	@$(BIN)/earthgptx down

status: $(READY)  ## Say what runs
	@$(BIN)/earthgptx status

test: $(READY)  ## Run every test
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(TESTS)

extras: $(READY)  ## Install each extra alone for real and import what is its own (minutes; needs pip's index)
	@OMP_NUM_THREADS=1 $(BIN)/python -m pytest -v -n auto --maxprocesses 4 --every-extra --durations=0 \
		tests/contract/test_installed_extras.py $(TESTS)

lint: $(READY)  ## ruff, mypy, walls between packages, freshness of the stubs, buf where it is on the PATH
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python scripts/generate_stubs.py --check
	@if command -v buf >/dev/null; then buf lint; else echo "buf is not on the PATH: its lint is left out"; fi

protos: $(READY)  ## Generate the stubs beside the .proto files
	@$(BIN)/python scripts/generate_stubs.py

bench: $(READY)  ## Measure hand-offs and the whole line
	@$(BIN)/python -m benchmarks

stats: $(READY)  ## Lengths of modules and functions, docstrings, annotations, broad excepts
	@$(BIN)/python scripts/measure_code.py

train-nano: $(READY)  ## Train the nano weights from nothing, seeded (hours); DATA=dir adds real images
	@$(BIN)/earthgptx train nano $(if $(DATA),--data "$(DATA)")

lock: $(READY)  ## Pin the newest versions pyproject.toml allows: requirements/
	@$(BIN)/python scripts/lock_requirements.py

images:  ## Build the image of every service
	@DOCKER_BUILDKIT=1 COMPOSE_DOCKER_CLI_BUILD=1 $(COMPOSE) build

up-containers: images out/compose/suite-key  ## Start the suite in containers
	@$(COMPOSE) up --detach

down-containers:  ## Stop it; uploaded images and records of runs stay in its volumes
	@$(COMPOSE) down

out/compose/suite-key:
	@$(PYTHON) scripts/make_secrets.py
