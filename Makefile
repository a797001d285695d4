# What people type most. Each command can be typed by itself as well (on Windows, say).
BIN ?= .venv/bin/

help: ## list these commands
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 10

install: ## make .venv with all that development needs
	python3 -m venv .venv
	.venv/bin/pip install -e ".[dev]"
	.venv/bin/pre-commit install

test: ## the fast tests
	$(BIN)python -m pytest -n 2

cover: ## the same, and which lines and branches of the runtime they reach
	$(BIN)python -m pytest -n 2 --cov --cov-report=term-missing:skip-covered

slow: ## the tests that need the data, a package registry, or minutes
	$(BIN)python -m pytest -n 2 --dist loadfile -m slow

lint: ## style, and who may import whom
	$(BIN)ruff check .
	$(BIN)ruff format --check .
	$(BIN)lint-imports --no-logo

types: ## mypy, strict
	$(BIN)mypy

docs: ## the references of the API and of the commands, in build
	$(BIN)python docs/api.py
	$(BIN)python docs/commands.py

pictures: ## make the pictures in docs anew; needs Chromium, Xvfb, xdotool, ImageMagick
	$(BIN)python docs/pictures.py

build: ## the source archive, and the wheel from it, in dist
	$(BIN)python -m build

bench: ## compare speed and memory with Keras and other peers, in build/bench; Linux
	$(BIN)python benchmarks/compare.py --run models/classic -o build/bench

.PHONY: help install test cover slow lint types docs pictures build bench
