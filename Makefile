# Everything a person does with this project. `make` alone lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

NPM := node_modules/.package-lock.json
VENV := .venv/.installed
PYTEST := .venv/bin/python -m pytest
LAB := PYTHONPATH=test .venv/bin/python -m lab
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

help: ## List the targets
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Try it and test it (no AWS account)
demo: setup ## The whole life of the machine on the embedded lab
	@$(LAB) demo
demo-down: setup ## Remove everything the demo made
	@$(LAB) down
check: setup programs ## The fast tier: types, lint, unit, template, nag, scripts
	@$(MAKE) --jobs 2 --output-sync=target types lint unit template shell
test: check test-aws test-state test-boot ## All tests

types:
	tsc --noEmit
lint:
	eslint .
	prettier --check --log-level warn .
	.venv/bin/ruff check
	.venv/bin/ruff format --check
unit:
	jest
template:
	cdk synth --quiet --context az=me-central-1a
	.venv/bin/cfn-lint cdk.out/*.template.json
shell:
	$(PYTEST) test/bin test/machine --ignore test/machine/state
test-aws: setup
	$(PYTEST) test/aws
test-state: setup programs
	$(PYTEST) test/machine/state
test-boot: setup
	$(PYTEST) test/boot

##@ Deploy it
ec2-spot-prices: $(NPM) ## INSTANCE_TYPES="t4g.small …" REGION=… FORMAT=table|json|csv CHART=prices.svg
	@tsx bin/ec2-spot-prices.ts --instance-types "$(INSTANCE_TYPES)" --region "$(REGION)" --format "$(FORMAT)" --chart "$(CHART)"

##@ Set-up (the other targets do this by themselves)
setup: $(NPM) $(VENV) ## npm packages and Python tools of this project
programs: ## Programs of the operating system that the tests run
	@test/ensure-programs

$(NPM): package-lock.json
	npm ci --no-audit --no-fund
$(VENV): test/requirements.txt
	@test/ensure-programs python3
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --requirement test/requirements.txt
	@touch $@

.PHONY: help demo demo-down check test types lint unit template shell test-aws test-state test-boot ec2-spot-prices setup programs
