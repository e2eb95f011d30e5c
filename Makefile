# Everything runs from this folder with the interpreter of .venv/. Targets are relative paths, so the folder's
# own path may hold spaces.

PYTHON ?= python3
VENV := .venv/bin/python
PACKAGES := analytics api dlq infra onboarding pages recovery

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help install demo run link test check bench lock clean

help: ## show this list
	@awk 'BEGIN { FS = ":.*## " } /^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' Makefile

install: .venv/.warm ## make .venv/ from requirements.lock
	@echo "Installed. Next: make demo"

demo: .venv/.warm ## run everything with a real sample and live traffic
	@exec $(VENV) -m infra run --demo --with-parent

run: .venv/.warm ## run everything on your own events
	@exec $(VENV) -m infra run --with-parent

link: .venv/.installed ## print a new link to sign in with
	@exec $(VENV) -m infra link

# Coverage is asked of all tests only: some of them never reach the floor.
test: .venv/.warm ## run all tests, real servers included; ARGS="tests/dlq -x" runs some
	@exec $(VENV) -m pytest -n 2 --dist loadfile $(or $(ARGS),--cov --cov-fail-under=90)

check: .venv/.installed ## ruff, mypy, and who imports whom
	$(VENV) -m ruff check .
	$(VENV) -m ruff format --check .
	$(VENV) -m mypy $(PACKAGES:%=-p %)
	$(VENV) -m pytest -q tests/test_imports.py

bench: .venv/.warm ## measure the funnel against other engines; ARGS="--sessions 10M" for more than 1M
	$(VENV) -m pip install --quiet --disable-pip-version-check --requirement benchmarks/requirements.txt
	@$(VENV) -m benchmarks.funnel --sessions 1M $(ARGS)

lock: .venv/.installed ## pin requirements.txt in requirements.lock, for Python 3.11 to 3.13
	$(VENV) -m pip install --quiet uv
	$(VENV) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 \
		--custom-compile-command "make lock" --output-file requirements.lock requirements.txt

clean: ## remove .venv/ and caches; .onward/ with your data stays
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -not -path './.onward/*' -prune -exec rm -rf {} +

.venv/.installed: requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Onward needs Python 3.11 or newer; name one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || \
		{ echo "$(PYTHON) cannot make a virtual environment; on Debian: apt install python3-venv" >&2; exit 1; }
	$(VENV) -m pip install --quiet --disable-pip-version-check --requirement requirements.lock
	@touch $@

# The funnel kernel is compiled once, here, and not while somebody waits for a page.
.venv/.warm: .venv/.installed $(wildcard analytics/kernel/*.py) analytics/sketch.py
	@$(VENV) -m analytics warm
	@touch $@
