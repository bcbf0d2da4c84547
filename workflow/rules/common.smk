# The checked config and the study that it makes, and what only Snakemake can do for all rules.

import atexit
import csv
import functools
import json
import os
import re
import shlex
import sys
import time
from pathlib import Path

from musical_roots import config as configuration
from musical_roots.digests import Digests
from musical_roots.errors import InputError
from musical_roots.generators.base import FULL
from musical_roots.study import Study
from musical_roots.study.sections import CLAIMS, PROVENANCE, QUESTIONS


def stop(message):
    sys.exit(f"musical-roots: error: {message}")


try:
    # Snakemake has read them, and does not say what is wrong with the text
    for path in workflow.configfiles:
        configuration.overlay(path)
    config.update(configuration.load(config))
    configuration.check_files(config)
    STUDY = Study(config)
except InputError as error:
    stop(error)

STARTED = time.monotonic()
CODE = Digests(".snakemake/musical-roots/code.json")
atexit.register(CODE.keep)
CACHE, RESULTS = config["cache"], config["results"]
DEVICE = config["encode"]["device"]
# one job a GPU, where the config names it: --resources gpu=1
GPU = int(DEVICE == "cuda")


pathvars:
    results=RESULTS,
    resources=CACHE,
    logs=f"{RESULTS}/logs",
    benchmarks=f"{RESULTS}/benchmarks",


def memory(least_mb, times, *names):
    """Memory that grows with some inputs of a job, and with each try: a formula of their bytes.

    `names` are inputs: files, or a list of shards, whose own bytes count. What is not made yet
    counts nothing: a dry run shows the least.
    """

    def mb(wildcards, input, attempt):
        paths = [path for name in names for path in _paths(input[name])]
        return attempt * (least_mb + round(times * sum(map(_bytes, paths)) / 1e6))

    return mb


def _paths(given):
    return [given] if isinstance(given, str) else given


@functools.cache
def _size(path, changed_ns):
    if os.path.basename(path) != "corpus.csv":
        return os.stat(path).st_size
    with open(path, newline="", encoding="utf-8") as file:
        return sum(int(row["bytes"]) for row in csv.DictReader(file))


def _bytes(path):
    try:
        return _size(path, os.stat(path).st_mtime_ns)
    except OSError:
        return 0


def stage(name, plugins=None):
    """Params with which a stage is run: how it is called, and the digest of its code.

    `plugins` gives the modules that the stage loads by name, for some wildcards.
    """

    def code(wildcards):
        return CODE.digest(name, *plugins(wildcards))

    seed = f" --seed {config['seed']}" if CODE.draws(name) else ""
    return {
        "call": f"python -m musical_roots {name}{seed}",
        "code": code if plugins else CODE.digest(name),
    }


def module(wildcards):
    """The module of the encoder or generator that a job is for."""
    name = wildcards.get("encoder") or wildcards.get("generator")
    return [STUDY.models[name].module]


def made_by(name):
    """The same of a stage that keeps its audio between runs: that of other code is made anew."""

    def code(wildcards):
        digest = CODE.digest(name, *module(wildcards))
        return STUDY.models[wildcards.generator].code(digest)

    def checkpoints(wildcards):
        return STUDY.models[wildcards.generator].checkpoints

    return stage(name) | {"code": code, "checkpoints": checkpoints}


def codec(wildcards):
    """Whose codec a perturbation needs."""
    name = config["robustness"]["perturbations"]["codec"]["generator"]
    return [STUDY.models[name]] if wildcards.kind == "codec" else []


def crossfade(kind):
    """How the two clips of a splice meet, as a flag; nothing, if it is no splice, or cut hard."""
    section = config["robustness"]
    own = section["perturbations"][kind].get("crossfade_s") or section["crossfade_s"]
    return f"--crossfade-s {own}" if kind.startswith("splice_") and own else ""


def nearest(clips):
    """Nearest clips of a clip set, by every encoder."""
    return STUDY[clips].influence("nearest", STUDY.witnesses)


def outputs(what):
    """What Experiment C found for a generator's outputs, by every encoder."""
    return lambda wildcards: STUDY[f"vamps-{wildcards.generator}"].influence(
        what, STUDY.witnesses
    )


def null(wildcards):
    """Nearest clips of control music that went through a generator's codec."""
    return nearest(STUDY.null(wildcards.generator).name)


def codec_of(wildcards):
    """The generator whose codec a generator has."""
    return FULL.get(wildcards.generator, wildcards.generator)


def tokens_say(what):
    """What tokens say of a generator's outputs; nothing, if it gives none."""
    return lambda wildcards: STUDY.token_evidence(wildcards.generator)[what]


def parents(wildcards):
    """Embeddings of what some clips were made from, where the corpus may lack it."""
    of = STUDY[wildcards.clips].parents
    return STUDY[of].embeddings(wildcards.encoder, wildcards.shard) if of else []


def written(section, *keys):
    """Keys of a config section as flags of a command: minimum_s: 30 -> --minimum-s 30.

    What is null is left to the command; what is true or false becomes --key or --no-key.
    """
    words = []
    for key in keys or section:
        flag, value = key.replace("_", "-"), section[key]
        if isinstance(value, bool):
            words.append(f"--{flag}" if value else f"--no-{flag}")
        elif value is not None:
            values = value if isinstance(value, list) else [value]
            words += [f"--{flag} {shlex.quote(str(each))}" for each in values]
    return " ".join(words)


def verbatim(text):
    """A param as it stands: what is in braces there is no wildcard."""
    return lambda wildcards: text


def flags(section, *keys):
    """The same as a param."""
    return verbatim(written(section, *keys))


def each(flag, paths):
    """A flag before each of some paths, or of one."""
    paths = [paths] if isinstance(paths, str) else paths
    return " ".join(f"{flag} {shlex.quote(path)}" for path in paths)


def pairs(flag, one, other):
    """A flag before each of some inputs, with its fellow of others, as a param."""
    return lambda wildcards, input: " ".join(
        f"{flag} {shlex.join(pair)}" for pair in zip(input[one], input[other])
    )


def command_for(target):
    """What a person types to make a target with this run's config."""
    files = map(os.path.relpath, workflow.configfiles)
    overlays = [path for path in files if path != "config/config.yaml"]
    words = ["snakemake", target, "--cores", "2"]
    return shlex.join([*words, *(["--configfile", *overlays] if overlays else [])])


def said_of(what):
    """What Experiment C says of a generator's outputs; nothing, where it is not asked."""

    def paths(wildcards):
        encoder = STUDY.auditions[wildcards.generator].encoder
        return what(wildcards.generator, encoder) if encoder else []

    return paths


def about_tables(wildcards):
    """What the page of claims tells of each table: its command, figures and timed jobs."""
    told = {
        name: one | {"command": command_for(f"{RESULTS}/tables/{name}.csv")}
        for name, one in STUDY.claimed.items()
    }
    return json.dumps(told, sort_keys=True)


# Packages into a folder from which only one process imports. Of what goes wrong one line is shown,
# git's before pip's.
INSTALL = (
    "python -m pip install --quiet --no-deps {params.flags} --target {output:q} -r {input} > {log:q} 2>&1"
    " || {{ echo \"musical-roots: error: {input} is not installed: $(grep -om 1 -E '(fatal|ERROR): .*' {log:q}"
    ' || tail -n 1 {log:q}); all of it is in {log}" >&2; exit 1; }}'
)


def start():
    """Hold the lock of this folder, and see to it that no other study's results are replaced."""
    if "MUSICAL_ROOTS_RUN" in os.environ:  # the report is made by a run inside the run
        return None
    from musical_roots import atomic, running

    try:
        configuration.check_music(config)
        lock = running.hold_lock(
            ".snakemake/musical-roots/lock",
            lambda told: print(f"musical-roots: warning: {told}", file=sys.stderr),
        )
        files = [os.path.relpath(path) for path in workflow.configfiles]
        running.claim_results(RESULTS, files, STUDY.corpus_of())
        if workflow.local_exec:  # elsewhere a killed run's jobs may be at work still
            atomic.clear(RESULTS)
    except InputError as error:
        stop(error)
    os.environ.update(MUSICAL_ROOTS_RUN=str(os.getpid()))
    return lock


def shown():
    """What shows this run's progress alone, where it was asked to: `make study` does."""
    handlers = workflow.logger_manager.get_log_handlers()
    return [handler for handler in handlers if hasattr(handler, "begin")]


def crops_to_learn():
    """Crops that openvamp learns from; none where weights are taken that come with the repository."""
    usual = configuration.load({})
    known = all(config[key] == usual[key] for key in ("seed", "corpus"))
    mine, theirs = (one["generators"]["openvamp"] for one in (config, usual))
    taken = mine == theirs and known or mine["shipped"] not in (None, theirs["shipped"])
    return 0 if taken or not mine["activate"] else mine["steps"] * mine["batch"]


def begin_to_show():
    """Tell what shows progress of the jobs that are to run."""
    jobs = {
        workflow.dag.jobid(job): (job.rule.name, job.wildcards_dict.get("encoder", ""))
        for job in workflow.dag.needrun_jobs()
    }
    settings = workflow.resource_settings
    cores = settings.cores or settings.nodes or 1
    tiny = any(path.name == "tiny.yaml" for path in map(Path, workflow.configfiles))
    like, crops = ("tiny", 0) if tiny else ("default", crops_to_learn())
    for handler in shown():
        handler.begin(jobs, cores, like, f"{RESULTS}/logs", crops)


onstart:
    workflow.musical_roots_lock = start()
    begin_to_show()
    # For this limit Snakemake 9.27 wakes up once a second and finished job: half a core after 1,000
    # jobs (benchmarks/scheduler.csv). Only a cluster needs it.
    if workflow.local_exec:
        workflow.scheduler.job_rate_limiter = None


onsuccess:
    from musical_roots import cost

    told = cost.note(f"{RESULTS}/benchmarks/cost.csv", STARTED)
    print(f"\nThis run: {told}", file=sys.stderr)
    for handler in shown():
        handler.say(f"This run: {told}")


def share_environment():
    """One conda environment for whatever runs."""
    for made in workflow.rules:
        if not made.norun:
            made.conda_env = "../../envs/main.yaml"


wildcard_constraints:
    encoder="|".join(STUDY.models),
    generator="|".join([*STUDY.models, "external"]),
    kind="|".join(config["robustness"]["perturbations"]),
    clips="|".join(map(re.escape, STUDY.clip_sets)),
    split="train|control",
    shard=r"\d{3}",
