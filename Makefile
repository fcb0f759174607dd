# Everything that is done with vitalwire from a shell. `make` alone lists it.
PYTHON ?= python3
VENV := .venv/bin

PATIENTS ?= 8
RECORDINGS ?=
SYSTEMS ?=
OF_EACH ?= 1
REPLICAS ?= 1
LANES ?= 2
FOLDER ?= .local
RUN_OPTIONS = --patients $(PATIENTS) $(if $(RECORDINGS),--recordings $(RECORDINGS)) \
	$(if $(SYSTEMS),--systems $(SYSTEMS) --of-each $(OF_EACH)) --replicas $(REPLICAS) --lanes $(LANES) --folder $(FOLDER)
IMAGES = gateway dsp storage alarms api administration
VERSION ?= 0.1.0
NOW = $$(date +%s.%N)

PYTEST = $(VENV)/python -m pytest -p no:cacheprovider
LINTED = shared services devices tests deploy

.DEFAULT_GOAL := help
.PHONY: help run run-until-ready stop lanes import demo setup test check bench soak accuracy chaos clean format lint \
	types architecture test-unit test-contract test-integration test-chaos test-browser \
	test-accuracy test-web generate screenshots lock audit images environment development

help: ## list what can be made
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo
	@echo '  make run PATIENTS=8 | RECORDINGS=folder   whom to simulate, or what to replay'
	@echo '           SYSTEMS=all OF_EACH=1            device systems with their own protocols besides'
	@echo '           REPLICAS=1 LANES=2               processes of each service; lanes of a new system'

# ---------------------------------------------------------------- run
run: ## start a whole private system on this machine, with simulated patients; Ctrl-C stops it
	@started=$(NOW); $(PYTHON) deploy/local/prepare.py && \
	VITALWIRE_RUN_STARTED=$$started exec $(VENV)/python -m deploy.local.run $(RUN_OPTIONS)

run-until-ready: ## start, wait for the first vital sign on the live feed, stop
	@started=$(NOW); $(PYTHON) deploy/local/prepare.py && \
	VITALWIRE_RUN_STARTED=$$started exec $(VENV)/python -m deploy.local.run $(RUN_OPTIONS) --until-ready

demo: run ## the same as run: eight simulated patients on a ward

stop: ## stop the system that runs in this folder
	@$(PYTHON) deploy/local/stop.py $(FOLDER)

lanes: ## change the number of lanes of the system that runs in this folder: make lanes N=4
	@$(VENV)/python -m deploy.local.administrator --folder $(FOLDER) lanes $(N)

import: ## bring a recording into the system that runs here: make import FILE=night.edf DEVICE=ecg-1
	@$(VENV)/python -m services.command_line import --connection $(FOLDER)/connection.json \
		--device $(DEVICE) $(IMPORT_OPTIONS) $(FILE)

# ---------------------------------------------------------------- make ready
setup: development ## everything for development: packages, environment, page

environment:
	@$(PYTHON) deploy/local/prepare.py

development:
	@$(PYTHON) deploy/local/prepare.py --lock development --browser
	@$(VENV)/python -m deploy.local.page --development

# ---------------------------------------------------------------- check, under a minute
check: development ## format, lint, types, architecture
	@$(VENV)/python -m deploy.local.check

format: ## bring all Python into form
	$(VENV)/ruff format $(LINTED)
	$(VENV)/ruff check --fix-only $(LINTED)

lint: ## ruff, and eslint for the page
	$(VENV)/ruff check $(LINTED)
	$(VENV)/python -m deploy.local.page --npm run lint

types: ## mypy, and tsc for the page
	$(VENV)/mypy --num-workers=auto
	$(VENV)/python -m deploy.local.page --npm run types

architecture: ## who may import whom, and the tables that must be complete
	$(VENV)/lint-imports
	$(PYTEST) -q tests/architecture

# ---------------------------------------------------------------- test, under fifteen minutes
test: development ## everything that a change must pass
	@$(VENV)/python -m deploy.local.test

test-unit: ## the pure parts, in milliseconds
	$(PYTEST) -n auto tests/unit

test-contract: ## golden bytes, schemas
	$(PYTEST) -n auto tests/contract

test-integration: ## single parts on real brokers and a real database
	$(PYTEST) tests/integration

test-chaos: ## kill and count
	$(PYTEST) tests/chaos

test-browser: ## the page in Chromium against a running system
	$(PYTEST) tests/browser

test-accuracy: ## the estimators against reference recordings
	$(PYTEST) tests/accuracy

test-web: ## the page's own tests
	$(VENV)/python -m deploy.local.page --npm run test

chaos: development ## the long form of kill and count
	VITALWIRE_CHAOS_KILLS=200 $(PYTEST) --timeout 7200 tests/chaos

accuracy: development ## figures, robustness, reliability of every estimator on RECORDINGS: docs/science
	@test -n "$(RECORDINGS)" || { echo "make accuracy RECORDINGS=folder of the data sets"; exit 2; }
	$(VENV)/python -m tests.accuracy.figures --workers 2 $(OPTIONS) $(RECORDINGS)
	$(VENV)/python -m tests.accuracy.robustness $(RECORDINGS)
	$(VENV)/python -m tests.accuracy.reliability $(RECORDINGS)
	$(PYTEST) --timeout 3600 tests/accuracy

bench: development ## costs beside plain peers, load (WHAT=path,whole,connections,rude,forward)
	$(VENV)/python -m tests.performance $(if $(WHAT),--what $(WHAT)) $(OPTIONS)

soak: development ## memory of every process over MINUTES (30), an hour of fuzzing (FUZZ_MINUTES)
	$(VENV)/python -m tests.performance --what soak --minutes $(or $(MINUTES),30)
	$(VENV)/python -m tests.fuzz --seconds $$((60 * $(or $(FUZZ_MINUTES),60)))

# ---------------------------------------------------------------- upkeep
generate: development ## everything that is generated from code
	$(VENV)/python -m deploy.local.generate

screenshots: development ## pictures of every page, of a system started for them
	$(VENV)/python -m tests.browser.screenshots

lock: environment ## resolve requirements/*.in into *.txt with hashes
	for name in bootstrap runtime development $(IMAGES); do $(VENV)/uv pip compile --quiet --universal \
	  --generate-hashes --no-emit-index-url --python-version 3.11 \
	  requirements/$$name.in --output-file requirements/$$name.txt; done

images: ## build the container images (needs docker with BuildKit)
	for name in $(IMAGES); do docker build --file deploy/images/Dockerfile --build-arg SERVICE=$$name \
	  --build-arg VERSION=$(VERSION) --tag vitalwire/$$name:$(VERSION) . || exit 1; done

audit: development ## known vulnerabilities in what we use
	$(VENV)/pip-audit --require-hashes --disable-pip -r requirements/runtime.txt
	$(VENV)/python -m deploy.local.page --npm audit --omit=dev

clean: ## remove what was made: environment, page, private systems
	@test ! -e $(FOLDER)/connection.json || { echo "it is running: make stop"; exit 1; }
	rm -rf .venv $(FOLDER) web/node_modules web/dist *.egg-info .mypy_cache .ruff_cache \
	  .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
