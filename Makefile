# make run | test | test-all | fast | lint | docs | build | bench | clean
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8501
SHELL := /bin/bash
# The tests start hundreds of processes, which would all compile the modules again.
unexport PYTHONDONTWRITEBYTECODE

# The first Python on PATH that starts and is 3.11 or newer. `make run PYTHON=/path/to/python3` chooses another one.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do \
	$$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 && command -v $$name && break; done)

.PHONY: run test test-all fast lint docs build bench clean chromium

run: $(VENV)/.installed
	@echo "Peakid starts on http://localhost:$(PORT). Ctrl-C stops it; running jobs continue."
	@$(BIN)/peakid app --port $(PORT)

# tests/conftest.py says how many processes run the tests. A process runs a whole file, in the order of that file.
PROCESSES := -n auto --dist loadfile --no-loadscope-reorder

test: lint chromium $(VENV)/.compiled $(if $(shell command -v npm),node_modules/.installed)
	@$(BIN)/python -m pytest $(PROCESSES) -m "not thorough"

# With the checks of every page at every size and of every hostile value, before a release or after changes of pages.
test-all: lint chromium $(if $(shell command -v npm),node_modules/.installed)
	@$(BIN)/python -m pytest $(PROCESSES)

fast: $(VENV)/.installed-dev
	@$(BIN)/python -m pytest $(PROCESSES) -m "not slow"

lint: $(VENV)/.installed-dev $(if $(shell command -v npm),node_modules/.installed)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/ty check peakid pages streamlit_app.py
	@if command -v npm >/dev/null; then npm run --silent lint; else echo "JavaScript linting is skipped: Node is not installed."; fi

# Generate the command reference and the schema from the code.
docs: $(VENV)/.installed
	@$(BIN)/python -m peakid.cli.reference > docs/cli.md.new && mv docs/cli.md.new docs/cli.md
	@$(BIN)/python -m peakid.cli.schema > db/schema.sql.new && mv db/schema.sql.new db/schema.sql

# The wheel for others to install: dist/peakid-VERSION-py3-none-any.whl.
build: $(VENV)/.installed
	@$(BIN)/python -m pip wheel --disable-pip-version-check --quiet --no-deps --wheel-dir dist .
	@ls dist/*.whl

# The benchmarks that draw their own photos. Those with a required --data are started by hand.
bench: $(VENV)/.installed-dev
	@for file in $$(grep -L "required=True" bench/*.py); do echo "== $$file"; $(BIN)/python $$file || exit 1; done

clean:
	rm -rf $(VENV) node_modules build dist *.egg-info .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The browser tests use the system's Chromium, and its driver. Without it they are skipped, and the reason is shown.
chromium:
	@{ command -v chromium && command -v chromedriver; } >/dev/null || { \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			echo "Installing Chromium and ChromeDriver for the browser tests (about 500 MB)."; \
			apt-get update -qq </dev/null && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium chromium-driver </dev/null >/dev/null; \
		fi; }
	@command -v chromium >/dev/null || echo "Chromium is not installed: the browser tests will be skipped. Install it with: sudo apt-get install chromium"
	@command -v chromedriver >/dev/null || echo "ChromeDriver is not installed: the tests of collecting in a browser will be skipped. Install it with: sudo apt-get install chromium-driver"

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "Peakid needs Python 3.11 or newer, which is not on PATH. Install python3.11 (with venv), or: make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 1; }
	@echo "Creating a Python environment in $(VENV) with $(PYTHON)."
	@$(PYTHON) -m venv $(VENV) || { echo "$(PYTHON) cannot create an environment; on Debian and Ubuntu install its venv package (python3-venv)."; exit 1; }

$(VENV)/.installed: $(VENV)/bin/python requirements.txt pyproject.toml
	@echo "Installing the dependencies into $(VENV): PyTorch with CUDA, fastai, Streamlit and 20 more."
	@echo "Once only: 5.5 to 7 GB on disk, 1 to 3 minutes on a fast connection. The README says how to take the smaller CPU-only wheels."
	@$(BIN)/python .ci/install.py requirements.txt
	@touch $@

# With the dependencies, in one resolution.
$(VENV)/.installed-dev: $(VENV)/bin/python requirements.txt requirements-dev.txt pyproject.toml
	@echo "Installing the dependencies and the test tools into $(VENV): once only, 6 to 7.5 GB on disk."
	@$(BIN)/python .ci/install.py requirements-dev.txt
	@touch $(VENV)/.installed $@

# Importing every test once compiles all modules, which the processes of the tests would each do at the same time.
$(VENV)/.compiled: $(VENV)/.installed-dev
	@$(BIN)/python -m pytest --collect-only >/dev/null || true
	@touch $@

# Biome, which formats and lints the JavaScript, and axe-core for the browser tests. The application itself needs no Node.
node_modules/.installed: package.json package-lock.json
	@npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@
