# Everything a person does with this project. `make` alone lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

NPM := node_modules/.package-lock.json
VENV := .venv/.installed
PYTEST := .venv/bin/python -m pytest
LAB := PYTHONPATH=test .venv/bin/python -m lab

export STACK REGION
ifndef REGION
REGION := $(shell sed 's/[a-z]$$//' <<<'$(AZ)')
endif
SETTINGS = $(if $(AZ),-c az=$(AZ)) $(if $(STACK),-c stack=$(STACK)) $(CONTEXT)
STATE := bin/on-machine openclaw-state
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
test: check test-aws ## All tests
	@$(MAKE) --jobs 2 test-state test-boot

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
	$(PYTEST) test/bin test/lab/tests test/machine --ignore test/machine/state --numprocesses 4
test-aws: setup
	$(PYTEST) test/aws
test-state: setup programs
	$(PYTEST) test/machine/state --numprocesses 4 --dist worksteal
test-boot: setup
	$(PYTEST) test/boot

##@ Deploy it (AZ=me-central-1a, STACK=dev, CONTEXT="-c key=value …")
ec2-spot-prices: setup ## INSTANCE_TYPES="t4g.small …" REGION=… FORMAT=table|json|csv CHART=prices.svg
	@tsx bin/ec2-spot-prices.ts --instance-types "$(INSTANCE_TYPES)" --region "$(REGION)" --format "$(FORMAT)" --chart "$(CHART)"
diff: setup ## What a deploy would change
	@cdk diff $(SETTINGS)
deploy: setup ## Deploy, and adopt the bucket that a destroy or a failed first deploy has left
	@CDK_IMPORT_EXISTING_RESOURCES=true cdk deploy $(SETTINGS)
destroy: setup ## Remove all but the state, and say what stays
	@cdk destroy $(SETTINGS)
	@bin/what-stays

##@ Run it (STACK=dev, REGION=me-central-1 or AZ=me-central-1a)
backup: ## Back up now; FORCE=1 even if more than half of the last backup would go
	@$(STATE) backup $(if $(FORCE),--force)
snapshots: ## List what can be restored
	@$(STATE) snapshots
restore: ## SNAPSHOT=<id>, latest or AT="2026-11-20 14:00" (UTC), whole or PATHS="workspace/notes.md"
	@SNAPSHOT="$(SNAPSHOT)" AT="$(AT)" PATHS="$(PATHS)" bin/restore
restore-at-boot: ## The same at the machine's next boot, or its replacement's: where none runs
	@SNAPSHOT="$(SNAPSHOT)" AT="$(AT)" PATHS="$(PATHS)" bin/restore-at-boot
adopt: ## ARCHIVE=./….tar.gz of `openclaw backup create` becomes the state
	@bin/adopt "$(ARCHIVE)"
drill: ## Restore the newest snapshot into scratch, verify it, clean up
	@bin/on-machine nice -n 19 ionice -c 3 openclaw-state drill
drain: ## Stop OpenClaw, back up, release the lease: before the machine is taken away
	@bin/on-machine sh -c 'systemctl stop openclaw-drain.service && jq . /run/openclaw/drain.json && systemctl start openclaw-drain.service'
replace: ## End the machine in good order; its group launches another, which restores the state
	@bin/replace
secrets-reload: ## Start OpenClaw again with what Parameter Store holds now
	@bin/on-machine systemctl restart openclaw.service
boot-times: ## The critical path of the machine's last boot
	@bin/on-machine /usr/local/libexec/openclaw/boot-times

##@ Measure it (minutes to hours; reports go to .lab/)
crash-test: setup programs ## Two hundred power cuts; CRASH_SEED=… repeats a run
	CRASH_CUTS=100 CRASH_REPORT=$(CURDIR)/.lab/crash-report.jsonl $(PYTEST) test/machine/state/test_crash.py --numprocesses 2
bench-backup: setup programs ## Our engines against aws s3 sync; FILES="1000 10000" DATABASE_MIB=200
	PYTHONPATH=test .venv/bin/python -m bench.backup $(if $(FILES),--files $(FILES)) $(if $(DATABASE_MIB),--database-mib $(DATABASE_MIB))
bench-lifecycle: setup ## The ends that a machine can meet; ONLY="idle power-cut"
	PYTHONPATH=test .venv/bin/python -m bench.lifecycle $(if $(ONLY),--only $(ONLY))
bench-boot: setup ## A start of the machine against OpenClaw's own start in it, and against its units in a row
	PYTHONPATH=test .venv/bin/python -m bench.lifecycle --boot

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

.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*/\1/p' Makefile)
