# Each target first builds all it needs: Python 3.11 to 3.13 is enough to start with.

ARGS =
BIN = .venv/bin

help:
	@echo "make demo    see a flow run from its first event to its end"
	@echo "make up      keep a development stack running: PostgreSQL, Temporal with its Web UI, a worker"
	@echo "make bench   what a drawn flow costs beside hand-written code (ARGS=--quick: a minute)"
	@echo "make test    lint, then every test"
	@echo "make lint    ruff, mypy, and who may import whom"
	@echo "make fmt     put the code into its one format"
	@echo "make venv    the virtual environment in .venv, from requirements.lock"
	@echo "make lock    requirements.lock and that of the image again, from pyproject.toml (needs uv)"
	@echo
	@echo "ARGS='...' is handed on: make test ARGS='-k ledger' (-n0: in one process). PYTHON=... chooses the Python."

venv:
	@sh deploy/setup.sh

demo: venv
	@$(BIN)/perdure demo $(ARGS)

up: venv
	@$(BIN)/perdure up $(ARGS)

bench: venv
	@$(BIN)/python -m tests.bench $(ARGS)

lint: venv
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo

# Tests start dozens of Python processes: without bytecode each would compile all libraries again.
test: lint
	@PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest \
		--numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder $(ARGS)

fmt: venv
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

lock:
	@uv --version >/dev/null 2>&1 || { echo "lock: uv is not on PATH: install it, then make lock again." >&2; exit 1; }
	@UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --all-extras pyproject.toml -o requirements.lock
	@UV_CUSTOM_COMPILE_COMMAND="make lock" uv pip compile --quiet --universal --python-version 3.11 \
		--generate-hashes --extra build --constraints requirements.lock pyproject.toml -o deploy/requirements.lock

.PHONY: help venv demo up lint test fmt lock bench
