# Everything a person does with this project. `make` alone lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

NPM := node_modules/.package-lock.json
VENV := .venv/.installed
PYTEST := .venv/bin/python -m pytest
LAB := PYTHONPATH=test .venv/bin/python -m lab

# What a person gives reaches programs by the environment alone, as it stands: neither make nor a shell reads it as text.
GIVEN := STACK REGION AZ SNAPSHOT AT PATHS ARCHIVE FORCE SINCE YES INSTANCE_TYPES FORMAT CHART
$(foreach name,$(GIVEN),$(eval override $(name) := $$(value $(name))))
export $(GIVEN)
CDK_SETTINGS := $${AZ:+-c "az=$$AZ"} $${STACK:+-c "stack=$$STACK"}
TOOL := bin/openclaw-spot
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
	$(PYTEST) test/bin test/machine --ignore test/machine/state --numprocesses 4
test-aws: setup
	$(PYTEST) test/aws
test-state: setup programs
	$(PYTEST) test/machine/state --numprocesses 4 --dist worksteal
test-boot: setup
	$(PYTEST) test/boot

##@ Deploy it (AZ=me-central-1a, STACK=dev, CONTEXT="-c key=value …")
ec2-spot-prices: $(NPM) ## INSTANCE_TYPES="t4g.small …" REGION=… FORMAT=table|json|csv CHART=prices.svg
	@$(TOOL) prices
doctor: $(NPM) ## Look, before a deploy, whether all is there that it needs
	@$(TOOL) doctor $(CONTEXT)
diff: $(NPM) ## What a deploy would change
	@cdk diff $(CDK_SETTINGS) $(CONTEXT)
deploy: $(NPM) ## Deploy, and adopt the bucket that a destroy or a failed first deploy has left
	@CDK_IMPORT_EXISTING_RESOURCES=true cdk deploy $(CDK_SETTINGS) $(CONTEXT)
destroy: $(NPM) ## Remove all but the state, and say what stays
	@$(TOOL) destroy $(CONTEXT)

##@ Run it (STACK=dev, REGION=me-central-1 or AZ=me-central-1a; names for `npx openclaw-spot …`)
status: $(NPM) ## One screen: machine, readiness, last backup, lease, alarms, version
	@$(TOOL) status
connect: $(NPM) ## Open OpenClaw's page: a tunnel to the machine, and the browser with the gateway token
	@$(TOOL) connect
backup: $(NPM) ## Back up now; FORCE=1 even if more than half of the last backup would go
	@$(TOOL) backup
snapshots: $(NPM) ## List what can be restored
	@$(TOOL) snapshots
restore: $(NPM) ## SNAPSHOT=<id>, latest or AT="2026-11-20 14:00" (UTC), whole or PATHS="workspace/notes.md"
	@$(TOOL) restore
restore-at-boot: $(NPM) ## The same at the machine's next boot, or its replacement's: where none runs
	@$(TOOL) restore-at-boot
undelete: $(NPM) ## List deleted objects of the state; SINCE="2026-11-20 14:00" YES=1 brings them back
	@$(TOOL) undelete
adopt: $(NPM) ## ARCHIVE=./….tar.gz of `openclaw backup create` becomes the state
	@$(TOOL) adopt
drill: $(NPM) ## Restore the newest snapshot into scratch, verify it, clean up
	@$(TOOL) drill
drain: $(NPM) ## Stop OpenClaw, back up, release the lease: before the machine is taken away
	@$(TOOL) drain
replace: $(NPM) ## End the machine in good order; its group launches another, which restores the state
	@$(TOOL) replace
secrets-reload: $(NPM) ## Start OpenClaw again with what Parameter Store holds now
	@$(TOOL) secrets-reload
boot-times: $(NPM) ## The critical path of the machine's last boot
	@$(TOOL) boot-times

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
