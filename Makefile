# One command each. Everything lives in .venv; `make ask` and `make test` need only Python 3.11+, pip and make.

Q ?= which papers use Hessian approximations for quantization
LIBRARY ?= library
SECONDS ?= 1800
FUZZED ?= build/fuzzed
TIER ?= long
PYTHON ?= python3
BIN := .venv/bin
INSTALLED := .venv/.installed
SAMPLE := $(LIBRARY)/.sample-read
DOCS := README.md docs/commands.md docs/map.md docs/scale.md docs/sources.md

export Q

.PHONY: ask chat test check check-code format gate scores screens bench fuzz trust licences sbom lock clean

ask: $(SAMPLE) ## answer Q from the sample library
	@$(BIN)/whichpapers ask --library $(LIBRARY) "$$Q"
	@echo
	@echo "To open the chat: make chat"

chat: $(SAMPLE) ## open the chat over the sample library
	@$(BIN)/whichpapers chat --library $(LIBRARY)

$(SAMPLE): | $(INSTALLED)
	@echo "Reading the sample, 595 digests; this takes a minute or two, once." >&2
	@$(BIN)/whichpapers ingest --sample --library $(LIBRARY) >&2
	@touch $@

$(INSTALLED): requirements.lock pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

test: $(INSTALLED) ## run the tests
	$(BIN)/python -m pytest

check: check-code test ## everything a change must pass

gate: $(SAMPLE) ## whether answers are still as good as evals/gate.toml asks
	$(BIN)/whichpapers eval --library $(LIBRARY) --mode offline --cases evals/cases/dev.jsonl evals/cases/off_topic.jsonl \
		--gate evals/gate.toml --out $(LIBRARY)/gate

check-code: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/cog --check $(DOCS)

format: $(INSTALLED) ## put the code in form, and write the generated parts of the docs
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/cog -r $(DOCS)

scores: $(SAMPLE) ## what the README shows: an answer from the sample library, and how good the offline judge is on it
	$(BIN)/whichpapers ask --library $(LIBRARY) "$$Q" > docs/answer.txt
	$(BIN)/python -m evals.fit --library $(LIBRARY) > evals/scores.md
	$(BIN)/python -m evals.agreement --library $(LIBRARY) > evals/agreement.md
	$(BIN)/whichpapers eval --library $(LIBRARY) --mode offline --baselines > evals/summary.md
	$(BIN)/cog -r $(DOCS)

screens: $(SAMPLE) ## the pictures in docs/screens
	$(BIN)/python -m tests.screens $(LIBRARY) docs/screens

bench: $(INSTALLED) ## speed, beside what a user would otherwise pick
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[bench]'
	$(BIN)/python -m evals.bench

fuzz: $(INSTALLED) ## mutate what readers have met for SECONDS, until one breaks; what did is left in FUZZED
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[fuzz]'
	$(BIN)/python -m tests.fuzz run $(SECONDS) $(FUZZED)

trust: $(INSTALLED) ## try to break every promise, and write docs/trust.md; TIER=short takes minutes
	$(BIN)/python -m tests.trust.run --tier $(TIER)

licences: $(INSTALLED) ## the licences of all that is locked, in docs/licences.md
	$(BIN)/python -m tests.trust.supply licences

sbom: $(INSTALLED) ## a bill of materials (CycloneDX), in build/sbom.json
	$(BIN)/python -m tests.trust.supply sbom

lock: ## pin what a fresh install of pyproject.toml brings
	rm -rf .venv-lock && $(PYTHON) -m venv .venv-lock
	.venv-lock/bin/pip install --quiet --disable-pip-version-check setuptools wheel -e '.[dev]'
	.venv-lock/bin/pip freeze --all --exclude-editable --exclude pip | sed 's/+cpu$$//' > requirements.lock
	rm -rf .venv-lock

clean: ## remove what these commands made
	rm -rf .venv .venv-lock $(LIBRARY)
