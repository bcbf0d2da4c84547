# The README's commands. Each sets up what it needs, once.
#   make study    the whole study: corpus, experiments, figures, report; with TARGET=corpus, a stage of it
#   make test     formatting, lint, unit, workflow and result tests
#   make listen   the page of the listening study on this machine; answers go to answers/
#   make browser  what tests/browser tries that page with, by npm; Chromium is the machine's own
#   make cluster  a study through a SLURM that it starts on this machine: Debian's slurm-wlm and munge, as root
#   make bench    the speed table in benchmarks/; bench-gpu the one of a GPU
#   make docs     the pages of docs/ as a site, in docs/_build/html; it asks nothing of any other site
#   make models   the weights that come with the repository, trained anew: models/openvamp
#   make verify   the default study once more, in results/verify: which reference tables moved beyond tolerance
#   make reference   the tables of results/ become the reference, and their tally goes into README.md and docs/reproducing.md
#   make counterfactual   the truth by retraining that comes with it, made anew, in hours: models/counterfactual
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DELETE_ON_ERROR:

PYTHON ?= python3.11
CORES  ?= $(shell nproc)
# Overlays on config/config.yaml, and a stage or file to stop at, as in:
# make study CONFIG=config/tiny.yaml TARGET=corpus
CONFIG ?=
TARGET ?=
# Folder of an arm of the listening study, and where its answers go: make listen ARM=results/listening/ours
ARM ?= results/listening/paper
ANSWERS ?= answers
TORCH  ?= torch==2.13.0

READY := .venv/.ready
PIP   := python -m pip install --quiet --no-input --disable-pip-version-check --progress-bar off
# Rules and tests call `python`: the environment's comes first.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

# Snakemake wants a cache folder before it reads a line of ours: where the home folder gives none, here.
ifneq ($(shell mkdir -p "$${XDG_CACHE_HOME:-$$HOME/.cache}" 2>/dev/null && test -w "$${XDG_CACHE_HOME:-$$HOME/.cache}" && echo there),there)
export XDG_CACHE_HOME := $(CURDIR)/.snakemake/cache
export MPLCONFIGDIR := $(CURDIR)/.snakemake/cache/matplotlib
endif

.PHONY: study listen docs browser cluster test lint format bench bench-gpu models counterfactual verify \
	reference setup

setup: $(READY)

$(READY): envs/main.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(v != (3, 11) and f"Python 3.11 is needed, $(PYTHON) is {v[0]}.{v[1]}; name another with: make PYTHON=/path/to/python3.11")'
	@echo "Setting up, once: Python packages into .venv, 2 GB or more, some minutes. The log is .venv-setup.log"
	@{ $(PYTHON) -m venv .venv && $(PIP) --no-deps --require-hashes -r envs/main.lock && $(PIP) $(TORCH) \
		&& $(PIP) --no-deps --no-build-isolation --editable .; } > .venv-setup.log 2>&1 \
		|| { tail -n 20 .venv-setup.log >&2; \
		echo "musical-roots: error: the packages are not installed; above is the end of .venv-setup.log" >&2; exit 1; }
	@touch $@

# Target first: what follows --configfile is taken for one more config file.
SNAKEMAKE := snakemake $(TARGET) --cores $(CORES) $(if $(CONFIG),--configfile $(CONFIG))

# One line of progress, warnings, and what fails; the rest goes to the log that it names.
study: $(READY)
	@python -m musical_roots config where $(CONFIG) > /dev/null
	@$(SNAKEMAKE) --logger musical-roots
	@$(if $(TARGET),true,python -m musical_roots config where $(CONFIG))

MODELS := results/shipped/models
models: $(READY)
	snakemake $(MODELS)/openvamp.md $(MODELS)/openvamp_small.md --cores $(CORES) --configfile models/anew.yaml
	python -m musical_roots train ship --models $(MODELS) --tables results/shipped/tables --out models/openvamp
	python -m musical_roots generate vamp-digests --out models/openvamp/vamps.csv \
		$$(printf -- '--outputs %s ' results/shipped/vamps/openvamp*/*.parquet)

counterfactual: $(READY)
	snakemake counterfactual --cores $(CORES)
	python -m musical_roots counterfactual ship --truth results/counterfactual --out models/counterfactual

# all of it anew, whatever results/ holds; what was made for results/verify before is kept
verify: $(READY)
	snakemake claims --cores $(CORES) --configfile reference/verify.yaml
	python -m musical_roots report verify results/verify --reference reference

reference: $(READY)
	python -m musical_roots report keep-reference results --reference reference
	for page in README.md docs/reproducing.md; do \
		python -m musical_roots report claims-within $$page --tally reference/claims_tally.csv; done

listen: $(READY)
	@python -m musical_roots stimuli serve --study $(ARM) --answers-out $(ANSWERS)

docs: $(READY)
	@python -m sphinx -q -W --keep-going -b html docs docs/_build/html
	@echo "The site is docs/_build/html/index.html"

browser:
	npm ci --ignore-scripts --prefix src/musical_roots/listening/web

# its plugin is no part of the environment: a run here does without it
PLUGINS := .snakemake/cluster-plugins
cluster: $(READY)
	python -m pip install --quiet --no-deps --upgrade --target $(PLUGINS) \
		snakemake-executor-plugin-slurm==2.8.0 snakemake-executor-plugin-slurm-jobstep==0.6.1
	PYTHONPATH=tests:$(PLUGINS) python -m pytest tests/cluster

# the workflow's tests by themselves: a run of theirs wants all cores, and one cache
test: lint
	python -m pytest -n $(CORES) --dist loadfile tests/unit tests/docs tests/workflow/test_lint.py
	python -m pytest tests/gpu tests/browser tests/workflow --ignore tests/workflow/test_lint.py

lint: $(READY)
	ruff check .
	ruff format --check .
	snakefmt --check workflow Snakefile
	snakemake --lint

format: $(READY)
	ruff check --fix .
	ruff format .
	snakefmt workflow Snakefile

bench: $(READY)
	OMP_NUM_THREADS=1 PYTHONPATH=tests python benchmarks/run.py

bench-gpu: $(READY)
	OMP_NUM_THREADS=1 PYTHONPATH=tests python benchmarks/gpu.py
