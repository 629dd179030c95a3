# Each target first builds all it needs: Python 3.11 to 3.13 is enough to start with.

ARGS =
BIN = .venv/bin

help:
	@echo "make demo    see a flow run from its first event to its end"
	@echo "make up      keep a development stack running: PostgreSQL, Temporal with its Web UI, a worker"
	@echo "make test    lint, then every test"
	@echo "make lint    ruff, mypy, and who may import whom"
	@echo "make fmt     put the code into its one format"
	@echo "make venv    the virtual environment in .venv, from requirements.lock"
	@echo "make lock    requirements.lock again, from pyproject.toml (needs uv)"
	@echo
	@echo "ARGS='...' is handed on: make test ARGS='-k ledger'. PYTHON=... chooses the Python."

venv:
	@sh deploy/setup.sh

demo: venv
	@$(BIN)/perdure demo $(ARGS)

up: venv
	@$(BIN)/perdure up $(ARGS)

lint: venv
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

test: lint
	@$(BIN)/python -m pytest $(ARGS)

fmt: venv
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

lock:
	@uv --version >/dev/null 2>&1 || { echo "lock: uv is not on PATH: install it, then make lock again." >&2; exit 1; }
	@UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --all-extras pyproject.toml -o requirements.lock

.PHONY: help venv demo up lint test fmt lock
