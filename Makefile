# Every command sets up what it needs by itself: a virtual environment with pinned packages in .venv.

PYTHON ?= python3
# Not from the environment, where other programs keep a HOST of their own: `make app PORT=8502`.
HOST = 127.0.0.1
PORT = 8501
ARGS =

PY = .venv/bin/python
VENV_READY = .venv/made
APP_READY = .venv/app-ready
DEV_READY = .venv/dev-ready
INPUTS = pyproject.toml constraints.txt Makefile core/models/embedded.py .ci/packages.py

.PHONY: help app test lint format bench replicate demo-project lock setup clean
.DELETE_ON_ERROR:

help:  ## List the commands.
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

app: $(APP_READY)  ## Run Wideset at http://127.0.0.1:8501 (PORT=8502 for another port).
	@$(PY) -m streamlit run app.py --server.address=$(HOST) --server.port=$(PORT) \
		--server.headless=true --browser.gatherUsageStats=false

# Two processes, whatever the machine has: tests that wait leave room for one that computes.
test: lint  ## Lint, then run all tests (ARGS="tests/store -x" for some).
	@$(PY) -m pytest -n 2 --dist=loadfile --no-loadscope-reorder --max-worker-restart=0 \
		--durations=10 $(ARGS)

lint: $(DEV_READY)  ## Check format, style, layers and types.
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy

format: $(DEV_READY)  ## Format the code and mend what can be mended without thinking.
	@$(PY) -m ruff check --fix-only .
	@$(PY) -m ruff format .

bench: $(DEV_READY)  ## Measure speed; takes minutes and wants the machine for itself.
	@$(PY) -m tests.benchmarks $(ARGS)

replicate: $(APP_READY)  ## Run the paper's grid on the real sets of a folder: make replicate DATA=folder.
	@test -n "$(DATA)" || { echo "Name a folder with real sets: make replicate DATA=folder" \
		"(README.md says which)." >&2; exit 2; }
	@$(PY) -m core replicate "$(DATA)" $(ARGS)

demo-project: $(APP_READY)  ## Make the demo project in assets/demo anew, about ten minutes.
	@$(PY) -m core demo --build assets/demo

lock: $(VENV_READY)  ## Rewrite constraints.txt with the newest versions that fit together.
	@$(PY) .ci/packages.py lock

setup: $(DEV_READY)  ## Only set up, for the app and for development.

clean:  ## Remove the virtual environment and all caches.
	rm -rf .venv wideset.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	@find app.py core pages tests .ci -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true

# Every stamp is written last and removed first, so none outlives a failed or interrupted install.
$(VENV_READY):
	@command -v "$(PYTHON)" >/dev/null || { \
		echo "Wideset needs Python 3.11 or newer; there is no $(PYTHON) here." \
		"Install one, or name it: make app PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Wideset needs Python 3.11 or newer; $(PYTHON) is $$("$(PYTHON)" --version 2>&1)." \
		"Name a newer one: make app PYTHON=python3.11" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) can't make virtual environments." \
		"On Debian and Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@$(PY) -c 'import pip, sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
		"$(PYTHON)" -m venv --clear .venv
	@touch $@

$(APP_READY): $(INPUTS) | $(VENV_READY)
	@rm -f $(APP_READY) $(DEV_READY)
	@echo "Installing the packages of Wideset into .venv; the first time takes some minutes."
	@$(PY) .ci/packages.py install
	@touch $@

$(DEV_READY): $(APP_READY)
	@rm -f $(DEV_READY)
	@echo "Installing the tools for tests and development into .venv."
	@$(PY) .ci/packages.py install dev
	@touch $@
