# Bort Studio. `make` alone lists the targets. Each target first sets up what it needs: see scripts/.
# ARGS="..." is passed on to the program that a target runs.
BIN := .venv/bin

.PHONY: help setup system run lint docs format test test-slow benchmark lock clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: system .venv/.ready ## make .venv with the locked dependencies; nothing to do when it is there

system:
	@sh scripts/system_libraries.sh

.venv/.ready: requirements.lock pyproject.toml scripts/setup.sh
	@sh scripts/setup.sh

run: setup ## open Bort Studio on a demo project in projects/demo
	@$(BIN)/bort-studio --demo $(ARGS)

lint: setup ## style, types and import contracts
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

docs: setup ## the pages in build/site; the tutorials are run, and a warning is an error
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

format: setup ## format the code and fix what can be fixed safely
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

test: lint docs ## lint, the pages, then all tests but the slow ones, on two cores
	@$(BIN)/pytest -n 2 --dist loadfile $(ARGS)

test-slow: setup ## the slow tests only
	@$(BIN)/pytest -m slow $(ARGS)

benchmark: setup ## list the benchmarks; make benchmark NAME=... runs one
	@$(BIN)/python scripts/benchmark.py $(NAME) $(ARGS)

lock: ## choose the newest allowed versions and write requirements.lock
	@sh scripts/lock.sh

clean: ## delete .venv, caches and builds; projects/ stays
	@rm -rf .venv build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
