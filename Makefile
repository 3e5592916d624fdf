# `make` alone lists what there is.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
UV := $(shell command -v uv 2>/dev/null)

.DEFAULT_GOAL := help
.PHONY: help run test demo gallery lint lock clean

help:  ## what there is
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-8s %s\n", $$1, $$2}'

$(INSTALLED): requirements-dev.lock pyproject.toml
ifneq ($(UV),)
	@$(UV) venv -q --allow-existing $(VENV)
	@$(UV) pip install -q --python $(BIN)/python --require-hashes -r requirements-dev.lock
	@$(UV) pip install -q --python $(BIN)/python --no-deps -e .
else
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install -q --disable-pip-version-check --require-hashes -r requirements-dev.lock
	@$(BIN)/pip install -q --disable-pip-version-check --no-deps -e .
endif
	@touch $@

run: $(INSTALLED)  ## the whole service on SQLite, with a mail catcher and an admin key
	@$(BIN)/tenure serve

demo: $(INSTALLED)  ## fourteen months of two institutions, as a timeline
	@$(BIN)/tenure demo

gallery: $(INSTALLED)  ## docs/emails.md anew: every email, with pictures
	@$(BIN)/python -m tests.gallery

test: $(INSTALLED)  ## every test, on SQLite and on a real PostgreSQL; coverage of the domain
	@$(BIN)/coverage run -m pytest -n0 tests/domain
	@$(BIN)/coverage report
	@$(BIN)/python -m pytest --ignore=tests/domain

lint: $(INSTALLED)  ## ruff, mypy --strict, import contracts
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy && $(BIN)/lint-imports

lock:  ## renew the lock files (needs uv)
	@uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --extra audit --extra s3 pyproject.toml -o requirements.lock
	@uv pip compile -q --universal --generate-hashes --no-header --python-version 3.11 --extra dev pyproject.toml -o requirements-dev.lock

clean:  ## remove what was built
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis *.egg-info
