# The README's commands. Each sets up what it needs, once.
#   make study    the whole study: corpus, experiments, figures, report; with TARGET=corpus, a stage of it
#   make test     formatting, lint, unit, workflow and result tests
#   make listen   the page of the listening study on this machine; answers go to answers/
#   make browser  what tests/browser tries that page with, by npm; Chromium is the machine's own
#   make cluster  a study through a SLURM that it starts on this machine: Debian's slurm-wlm and munge, as root
#   make bench    the speed table in benchmarks/; bench-gpu the one of a GPU
#   make models   the weights that come with the repository, trained anew: models/openvamp
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
# Rules and tests call `python`: the environment's comes first.
export PATH := $(CURDIR)/.venv/bin:$(PATH)

# Snakemake wants a cache folder before it reads a line of ours: where the home folder gives none, here.
ifneq ($(shell mkdir -p "$${XDG_CACHE_HOME:-$$HOME/.cache}" 2>/dev/null && test -w "$${XDG_CACHE_HOME:-$$HOME/.cache}" && echo there),there)
export XDG_CACHE_HOME := $(CURDIR)/.snakemake/cache
export MPLCONFIGDIR := $(CURDIR)/.snakemake/cache/matplotlib
endif

.PHONY: study listen browser cluster test lint format bench bench-gpu models counterfactual setup

setup: $(READY)

$(READY): envs/main.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(v != (3, 11) and f"Python 3.11 is needed, $(PYTHON) is {v[0]}.{v[1]}; name another with: make PYTHON=/path/to/python3.11")'
	$(PYTHON) -m venv .venv
	python -m pip install --quiet --no-deps --require-hashes -r envs/main.lock
	python -m pip install --quiet $(TORCH)
	python -m pip install --quiet --no-deps --no-build-isolation --editable .
	touch $@

# Target first: what follows --configfile is taken for one more config file.
SNAKEMAKE := snakemake $(TARGET) --cores $(CORES) $(if $(CONFIG),--configfile $(CONFIG))

study: $(READY)
	@$(SNAKEMAKE)
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

listen: $(READY)
	@python -m musical_roots stimuli serve --study $(ARM) --answers-out $(ANSWERS)

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
	python -m pytest -n $(CORES) --dist loadfile tests/unit tests/workflow/test_lint.py
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
