# Everything a person does with this project. `make` alone lists it.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules

NPM := node_modules/.package-lock.json
VENV := .venv/.installed
BIN := node_modules/.bin
RUFF := .venv/bin/ruff
PYTEST := .venv/bin/python -m pytest
LAB := PYTHONPATH=test .venv/bin/python -m lab

# What a person gives reaches programs by the environment alone, as it stands: neither make nor a shell reads it as text.
GIVEN := STACK REGION AZ SNAPSHOT AT PATHS ARCHIVE FORCE SINCE YES IMAGE INSTANCE_TYPES FORMAT CHART OFFLINE
# What may stand on the command line. Any other name would be a slip that nobody notices: STAK=prod works on dev.
ALLOWED := $(GIVEN) CONTEXT FILES K CI CRASH_SEED DATABASE_MIB ONLY OUTAGE_SECONDS
GIVEN_NAMES := $(foreach name,$(.VARIABLES),$(if $(filter command,$(origin $(name))),$(name)))
ifneq ($(filter-out $(ALLOWED),$(GIVEN_NAMES)),)
$(error unknown variable$(foreach name,$(filter-out $(ALLOWED),$(GIVEN_NAMES)), $(name)='$(value $(name))'): allowed are $(sort $(ALLOWED)))
endif
$(foreach name,$(GIVEN),$(eval override $(name) := $$(value $(name))))
export $(GIVEN)
TOOL := bin/openclaw-spot
export PATH := $(CURDIR)/node_modules/.bin:$(PATH)

help: ## List the targets
	@awk -F ':.*## ' '/^##@/ { printf "\n%s\n", substr($$0, 5) } /^[a-z0-9-]+:.*## / { printf "  %-18s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

##@ Try it and test it (no AWS account)
demo: setup ## The whole life of the machine on the embedded lab
	@$(LAB) demo
demo-down: setup ## Remove everything the demo made
	@$(LAB) down

# FILES chooses files (or folders) of tests, K those whose name has it in it. It goes to the runners in the environment,
# where no quote in it ends a word.
UNIT_FILES := $(filter %.ts test/contract test/lib test/lib/%,$(FILES))
JEST := $(BIN)/jest $${K:+--testNamePattern "$$K"}
TIER := $(PYTEST) $${K:+-k "$$K"}
# Side by side, unless the caller has said how many jobs; the output of each part in one piece where this make can do that
# (4.0 or newer, which macOS does not bring along).
beside = $(if $(findstring --jobserver,$(MAKEFLAGS)),,--jobs $(1)) --no-print-directory
IN_PIECES := $(if $(filter output-sync,$(.FEATURES)),--output-sync=target)

ifdef FILES
check test: setup-tests
	@$(if $(UNIT_FILES),$(JEST) $(UNIT_FILES))
	@$(if $(filter-out $(UNIT_FILES),$(FILES)),$(TIER) $(filter-out $(UNIT_FILES),$(FILES)))
else
check: setup-tests ## The fast tier: types, lint, unit, template, shell
	@$(if $(K),$(error K='$(K)' needs FILES='…' here, or one tier: make unit K='$(K)'))
	@$(MAKE) $(call beside,2) $(IN_PIECES) $(FAST)
test: setup-tests ## All tests; here and in each tier: FILES="test/lib/network.test.ts …", K=<part of a test's name>
	@$(if $(K),$(error K='$(K)' needs FILES='…' here, or one tier: make test-state K='$(K)'))
	@$(MAKE) $(call beside,3) $(IN_PIECES) test-boot beside-boot
endif

# The part that waits longest begins first.
FAST := shell unit lint template types
# The booted machine waits more than it works: everything else runs meanwhile.
beside-boot:
	@$(MAKE) $(FAST)
	@$(MAKE) test-aws
	@$(MAKE) test-state

types: $(NPM) $(VENV) ## TypeScript's types, and those of the machine's Python
	$(BIN)/tsc --noEmit
	.venv/bin/mypy
lint: $(NPM) $(VENV) ## oxlint, Prettier, ruff, zizmor
	$(BIN)/oxlint
	$(BIN)/prettier --check --cache --log-level warn .
	$(RUFF) check
	$(RUFF) format --check
	.venv/bin/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	.venv/bin/zizmor --quiet --offline --persona pedantic .github/workflows
unit: $(NPM) $(VENV) ## The CDK app and the tools in TypeScript
	$(JEST) $(FILES)
template: $(NPM) $(VENV) ## The real `cdk synth` with cdk-nag's checks, and cfn-lint; CI=1 also with the CDK's own
	OPENCLAW_SETTINGS_DIR=/nonexistent $(BIN)/cdk synth --quiet $(if $(CI),,--no-validation) --context az=me-central-1a --context repository=octocat/my-repo
	.venv/bin/cfn-lint cdk.out/*.template.json cdk.out/*/*.template.json
shell: $(NPM) $(VENV) programs ## The programs of the machine and of bin/
	$(TIER) $(or $(FILES),test/bin test/lab/tests test/machine test/project --ignore test/machine/state) --numprocesses 4 --dist worksteal
test-aws: $(NPM) $(VENV) ## The real CDK CLI against a local AWS
	$(TIER) $(or $(FILES),test/aws)
test-state: $(NPM) $(VENV) programs ## Backup and restore on real restic, SQLite and S3
	$(TIER) $(or $(FILES),test/machine/state) --numprocesses 4 --dist worksteal
test-al2023: $(NPM) $(VENV) programs ## The same, with the machine's programs on the Python of Amazon Linux 2023
	@python=$$(test/al2023-python) && MACHINE_PYTHON=$$python $(TIER) $(or $(FILES),test/machine/state) --numprocesses 4 --dist worksteal
test-boot: $(NPM) $(VENV) ## The booted machine
	$(TIER) $(or $(FILES),test/boot)
fmt: $(NPM) $(VENV) ## Format all code, and mend what a tool can mend
	$(BIN)/prettier --write --cache --log-level warn .
	$(RUFF) check --fix
	$(RUFF) format
schema: $(NPM) ## Write deployments/settings.schema.json, after a change of the settings
	node --import tsx --eval "import('./lib/config/settings.ts').then((made) => console.log(JSON.stringify((made.default ?? made).settingsSchema())))" >deployments/settings.schema.json
	$(BIN)/prettier --write --log-level warn deployments/settings.schema.json
watch: $(NPM) ## Run the unit tests which a saved file concerns, at each save
	$(BIN)/jest --watch

##@ Deploy it (AZ=me-central-1a, STACK=dev, CONTEXT="-c key=value …")
ec2-spot-prices: $(NPM) ## INSTANCE_TYPES="t4g.small …" REGION=… FORMAT=table|json|csv CHART=prices.svg
	@$(TOOL) prices
cost: $(NPM) ## What a month costs, part by part; OFFLINE=1 by recorded prices, CHART=cost.svg
	@$(TOOL) cost $(CONTEXT)
doctor: $(NPM) ## Look, before a deploy, whether all is there that it needs
	@$(TOOL) doctor $(CONTEXT)
diff: $(NPM) ## What a deploy would change: the machine, data, its files, all else
	@$(TOOL) diff $(CONTEXT)
deploy: $(NPM) ## Deploy, and adopt the bucket that a destroy or a failed first deploy has left; YES=1 asks nothing
	@$(TOOL) deploy $(CONTEXT)
upgrade: $(NPM) ## IMAGE=ghcr.io/openclaw/openclaw:<version>: a backup, then the deploy; what fails goes back
	@$(TOOL) upgrade $(CONTEXT)
rollback: $(NPM) ## Go back to image and state of before the last upgrade; YES=1 asks nothing
	@$(TOOL) rollback $(CONTEXT)
destroy: $(NPM) ## Remove all but the state, and say what stays
	@$(TOOL) destroy $(CONTEXT)

##@ Run it (STACK=dev, REGION=me-central-1 or AZ=me-central-1a; names for `npx openclaw-spot …`)
status: $(NPM) ## One screen: machine, readiness, last backup, lease, alarms, version
	@$(TOOL) status
verify: $(NPM) ## Look, after a deploy, whether what only AWS can show is as it should be
	@$(TOOL) verify
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
pause: $(NPM) ## End the machine in good order and launch no other until `make resume`
	@$(TOOL) pause
resume: $(NPM) ## Launch a machine again after `make pause`, and wait until OpenClaw serves
	@$(TOOL) resume
stop: $(NPM) ## Stop OpenClaw until `make start`, over reboots, replacements and deploys
	@$(TOOL) stop
start: $(NPM) ## Start OpenClaw again after `make stop`
	@$(TOOL) start
secrets-reload: $(NPM) ## Start OpenClaw again with what Parameter Store holds now
	@$(TOOL) secrets-reload
boot-times: $(NPM) ## The critical path of the machine's last boot
	@$(TOOL) boot-times

##@ Measure it (minutes to hours; reports go to .lab/)
crash-test: setup programs ## Two hundred power cuts; CRASH_SEED=… repeats a run
	CRASH_CUTS=100 CRASH_REPORT=$(CURDIR)/.lab/crash-report.jsonl $(PYTEST) test/machine/state/faults/test_crash.py --numprocesses 2
bench-backup: setup programs ## Our engines against aws s3 sync; FILES="1000 10000" DATABASE_MIB=200
	PYTHONPATH=test .venv/bin/python -m bench.backup $(if $(FILES),--files $(FILES)) $(if $(DATABASE_MIB),--database-mib $(DATABASE_MIB))
bench-lifecycle: setup ## The ends that a machine can meet; ONLY="idle power-cut"
	PYTHONPATH=test .venv/bin/python -m bench.lifecycle $(if $(ONLY),--only $(ONLY))
bench-boot: setup ## A start of the machine against OpenClaw's own start in it, and against its units in a row
	PYTHONPATH=test .venv/bin/python -m bench.lifecycle --boot
bench-outages: setup ## Each service away for ten minutes at a replacement; ONLY="s3 registry" OUTAGE_SECONDS=180
	PYTHONPATH=test .venv/bin/python -m bench.lifecycle --outages $(if $(ONLY),--only $(ONLY))
model: $(VENV) ## Every state of the model of the lease (docs/model): minutes; needs Java 11 or newer
	@test/ensure-programs java
	@PYTHON=.venv/bin/python docs/model/check
property-test: setup programs ## Ten thousand random databases, trees and lives; each run draws others
	HYPOTHESIS_PROFILE=thorough $(PYTEST) test/machine/state/properties --numprocesses 2
findings: ## What surprised us in outside software, looked at again; ONLY="litestream-quiet-hour"
	@findings/run $(ONLY)

##@ Set-up (the other targets do this by themselves)
setup: ## npm packages and Python tools of this project
	@$(MAKE) $(call beside,2) --silent $(NPM) $(VENV)
programs: ## Programs of the operating system that the tests run
	@test/ensure-programs
setup-tests: ## All of it, side by side
	@$(MAKE) $(call beside,3) --silent $(NPM) $(VENV) programs

$(NPM): package-lock.json
	@echo 'npm packages: installing'
	npm ci --no-audit --no-fund
	@echo 'npm packages: there'
$(VENV): test/requirements.txt
	@echo 'Python tools: installing'
	@test/ensure-programs python3
	python3 -m venv .venv
	.venv/bin/pip install --quiet --disable-pip-version-check --requirement test/requirements.txt
	@echo 'Python tools: there'
	@touch $@

.PHONY: $(shell sed -n 's/^\([a-z0-9-]*\):.*/\1/p' Makefile)
