# Every verb works on a fresh machine with Python 3.11 and make: each makes the environment it needs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
PIP    := $(BIN)/python -m pip --disable-pip-version-check --quiet

export PYTHONUTF8 = 1
export PYRIGHT_PYTHON_IGNORE_WARNINGS = 1

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo bench bench-quick test test-lowest soak coverage check api-diff generate format build clean distclean

help: ## List the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.demo ## Provision a thousand domains against an embedded unMTA
	@$(BIN)/unmta demo

test: $(VENV)/.test ## Run all tests
	$(BIN)/python -m pytest $(ARGS)

test-lowest: ## Run all tests with the lowest versions that pyproject.toml promises
	$(MAKE) test VENV=.venv-lowest CONSTRAINTS=.venv-lowest.txt

soak: $(VENV)/.test ## Make 100,000 faulty calls and see that nothing is left behind
	$(BIN)/python tests/soak.py $(ARGS)

bench: ## Measure this package beside aiohttp by hand and other clients
	$(PYTHON) -m benchmarks $(ARGS)

bench-quick: ## Measure it beside aiohttp only; fail where it got 15 % worse
	$(PYTHON) -m benchmarks --quick $(ARGS)

coverage: $(VENV)/.test ## Run all tests and show which statements they missed
	$(BIN)/coverage run -m pytest -q
	$(BIN)/coverage report --skip-covered --show-missing

check: $(VENV)/.dev ## Lint, type-check, and see that the generated code is fresh
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/python -m codegen --check
	$(BIN)/python -m codegen.api_diff --check
	$(BIN)/mypy
	$(BIN)/pyright --pythonpath $(BIN)/python

api-diff: $(VENV)/.codegen ## Show what changed for callers since a release, or since BASE=<commit>
	@$(BIN)/python -m codegen.api_diff $(if $(BASE),'$(BASE)') $(ARGS)

generate: $(VENV)/.codegen ## Write unmta_async/_generated/ from openapi/unmta.yaml
	$(BIN)/python -m codegen

format: $(VENV)/.codegen ## Format the code
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

build: $(VENV)/.test ## Build the wheel and the source distribution
	$(BIN)/hatchling build

clean: ## Forget the demo, and what was built or cached
	rm -rf demo build dist .coverage .mypy_cache .pytest_cache .ruff_cache

distclean: clean ## Forget the environments, too
	rm -rf .venv .venv-* benchmarks/.envs

# One environment; each stamp is a dependency group of pyproject.toml that it holds.
$(VENV)/.%: pyproject.toml | $(BIN)/python $(CONSTRAINTS)
	@echo 'Installing what "make $*" needs into $(VENV) ...'
	@$(PIP) install $(addprefix --constraint ,$(CONSTRAINTS)) --editable . --group $*
	@touch $@

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed: make PYTHON=python3.11")'
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --upgrade 'pip>=25.1' # the first that knows dependency groups

.venv-lowest.txt: pyproject.toml
	$(PYTHON) -c 'import tomllib; print(*(d.replace(">=", "==") for d in tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"]), sep="\n")' > $@
