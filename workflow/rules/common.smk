# The checked config, the run's lock, and what several rule files share.

import fcntl
import hashlib
import json
import os
import shlex
import sys

from musical_roots import config as configuration
from musical_roots.encoders.base import ENCODERS
from musical_roots.errors import InputError
from musical_roots.generators.base import GENERATORS
from musical_roots.provenance import stage_digest as code
from musical_roots.weights import PLUMBING
from musical_roots.weights.manifest import SOURCES


def stop(message):
    sys.exit(f"musical-roots: error: {message}")


try:
    config.update(configuration.load(config))
except InputError as error:
    stop(error)

CACHE = config["cache"]
ACTIVE = [name for name, options in config["encoders"].items() if options["activate"]]
KINDS = [
    kind
    for kind, options in config["robustness"]["perturbations"].items()
    if options["activate"]
]
GENERATING = [
    name for name, options in config["generators"].items() if options["activate"]
]
SPLITS = ["train", "control"] if config["corpus"]["control_share"] > 0 else ["train"]
# Encoder or generator that the workflow trains -> files in results/models that it is loaded from.
TRAINED = {
    "clmr_open": ["clmr_open.safetensors"],
    "openvamp": ["openvamp-codec.safetensors", "openvamp.safetensors"],
}
# One with packages that only its own process imports -> their folder.
APART = {"laion_clap": f"{CACHE}/laion-clap", "vampnet": f"{CACHE}/vampnet"}
# Packages into such a folder. Of what goes wrong one line is shown, git's before pip's.
INSTALL = (
    "python -m pip install --quiet --no-deps {params.flags} --target {output:q} -r {input} > {log} 2>&1"
    " || {{ echo \"musical-roots: error: {input} is not installed: $(grep -om 1 -E '(fatal|ERROR): .*' {log}"
    ' || tail -n 1 {log}); all of it is in {log}" >&2; exit 1; }}'
)
# Experiment C wants outputs, and control music.
INFLUENCE = config["influence"]["activate"] and "control" in SPLITS
ATTRIBUTED = GENERATING if INFLUENCE else []


def flags(section, *keys):
    """Keys of a config section as flags of a command: minimum_s: 30 -> --minimum-s 30.

    What is null is left to the command.
    """
    words = []
    for key in keys or section:
        if section[key] is None:
            continue
        values = section[key] if isinstance(section[key], list) else [section[key]]
        for value in values:
            words += [f"--{key.replace('_', '-')}", shlex.quote(str(value))]
    return " ".join(words)


def command_for(model):
    """What a person types to train a model, and write its card, with this run's config."""
    files = map(os.path.relpath, workflow.configfiles)
    overlays = [path for path in files if path != "config/config.yaml"]
    words = ["snakemake", "--cores", "2"]
    words += ["--configfile", *overlays] if overlays else []
    return " ".join([*words, "--", f"results/models/{model}.md"])


def owner(name):
    """The encoder or generator itself, of a part of its published weights."""
    section = SOURCES[name].section if name in SOURCES else ""
    return section.rpartition(".")[2] or name


def module(name):
    """The module that an encoder or generator is written in: its jobs depend on it, others do not."""
    return (ENCODERS | GENERATORS)[owner(name)].split(":")[0]


def code_of(stage, generator):
    """Digest of all code behind audio that a generator makes: a file of other code is never kept."""
    packages = f"envs/{generator}.txt"
    installed = open(packages).read() if os.path.exists(packages) else ""
    told = code(stage, module(generator)) + installed
    return hashlib.sha256(told.encode()).hexdigest()[:8]


def recordings_of(source):
    """Files that the list of recordings is made from, and the flags that say so."""
    if source == "debian":
        folders = expand(f"{CACHE}/recordings/{{package}}", package=PACKAGES)
        where = {"tracks": DEBIAN["tracks"], "root": f"{CACHE}/recordings"}
        return [DEBIAN["tracks"], *folders], flags(where | {"package": list(PACKAGES)})
    where = {key: value for key, value in FOLDER.items() if value}
    return [path for path in [FOLDER["metadata"]] if path], flags(where)


def checkpoints(name):
    """Folder of an encoder's or generator's weights: random ones are kept apart from the real."""
    if name in TRAINED:
        return "results/models"
    random = options_of(name).get("weights") == "random"
    return f"{CACHE}/checkpoints-random" if random else f"{CACHE}/checkpoints"


def options_of(name):
    """What the config says of an encoder or generator, or of the one whose part this is."""
    return (config["encoders"] | config["generators"])[owner(name)]


def weights_of(name):
    """What an encoder or generator, or a part of it, is loaded from, if there is something."""
    # laion_clap reads clap's published file, in its own process
    source = "clap" if name == "laion_clap" else name
    parts = [part for part in SOURCES if source in (part, owner(part))]
    files = [file for part in parts for file in SOURCES[part].converted]
    return [
        *(f"{checkpoints(source)}/{file}" for file in TRAINED.get(name, files)),
        *([APART[name]] if name in APART else []),
    ]


def vamp_shards(generator):
    """Parts that the vamps of a generator are made in."""
    count = 1 if generator == "external" else config["generation"]["shards"]
    return [f"{shard:03d}" for shard in range(count)]


def control_shards():
    """Parts that excerpts of control tracks are cut into."""
    return [f"{shard:03d}" for shard in range(config["generation"]["shards"])]


def tokens_of(split):
    """Tokens of a split's tracks, by openvamp's codec."""
    shards = CLIP_SHARDS if split in SPLITS else []
    return expand("results/tokens/{split}/{shard}.npz", split=split, shard=shards)


def query_shards(clips):
    """Parts of a clip list that is searched with."""
    kind, _, generator = clips.partition("-")
    return vamp_shards(generator) if kind == "vamps" else ["000"]


def each(flag, paths):
    """A flag before each of some paths, or of one."""
    return [f"{flag} {path}" for path in ([paths] if isinstance(paths, str) else paths)]


def asked(wildcards):
    """Embeddings of a part of the clips that Experiment C searches with."""
    clips = [f"perturbed-{kind}" for kind in KINDS]
    if wildcards.clips != "planted":
        clips = [wildcards.clips]
    return expand(
        "results/embeddings/{encoder}/{clips}/{shard}.npy",
        encoder=wildcards.encoder,
        clips=clips,
        shard=wildcards.shard,
    )


def parents_of(wildcards):
    """Embeddings of what these clips were made from, where the corpus may lack it."""
    kind, _, generator = wildcards.clips.partition("-")
    parents = {
        "vamps": f"prompts-{generator}",
        "control_roundtrip": "control-excerpts",
    }.get(kind)
    folder = f"results/embeddings/{wildcards.encoder}/{parents}"
    return [f"{folder}/{wildcards.shard}.npy"] if parents else []


def label(name):
    """What results call a generator: random weights are never shown as the real ones."""
    random = options_of(name).get("weights") == "random"
    return f"{name} ({PLUMBING})" if random else name


def null_of(generator):
    """Control music, through the generator's codec where it has one."""
    return (
        f"control_roundtrip-{generator}"
        if generator in GENERATORS
        else "control-excerpts"
    )


def shards_of(clips):
    """Parts of a clip list that Experiment C searches with."""
    if clips == "planted":
        return ["000"]
    return query_shards(clips) if clips.startswith("vamps-") else control_shards()


def indexes_of(clips):
    """Where clips are searched for: vamps in every index, by both prompt_tracks, all else in train."""
    if clips.startswith("vamps-"):
        return (
            "--index train --index train_equal --index control"
            " --prompt-track included --prompt-track excluded"
        )
    if clips == "control-excerpts":
        return "--index train --index train_equal"
    return "--index train"


def attributed(what, clips, encoders=ACTIVE):
    """Parts of what was found for a clip list: match tables, or nearest clips."""
    return expand(
        "results/influence/{what}/{encoder}/{clips}/{shard}.parquet",
        what=what,
        encoder=encoders,
        clips=clips,
        shard=shards_of(clips),
    )


def embedded(clips, encoders=ACTIVE):
    """Parts of the embeddings of a clip list."""
    return expand(
        "results/embeddings/{encoder}/{clips}/{shard}.npy",
        encoder=encoders,
        clips=clips,
        shard=shards_of(clips),
    )


def rendered(wildcards):
    """Audio that a clip list points into, if it was made by the run and is removed after use."""
    return f"results/audio/{wildcards.clips}" if "perturbed" in wildcards.clips else []


def hold_lock():
    """One run a folder. The kernel drops the lock with its holder: a killed run leaves none."""
    if "MUSICAL_ROOTS_RUN" in os.environ:  # the report is made by a run inside the run
        return None
    handle = open(".snakemake/musical-roots.lock", "w")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        stop(
            "another run is at work in this folder; wait for it, or use another folder"
        )
    os.environ.update(MUSICAL_ROOTS_RUN=str(os.getpid()))
    return handle


onstart:
    workflow.musical_roots_lock = hold_lock()


wildcard_constraints:
    encoder="|".join(ENCODERS),
    generator="|".join([*GENERATORS, "external"]),
    kind="|".join(config["robustness"]["perturbations"]),
    split="train|control",
    shard=r"\d{3}",
