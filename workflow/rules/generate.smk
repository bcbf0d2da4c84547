# Prompts -> vamps -> clip sets. openvamp is trained here, on the train split alone.
#
# Makes: results/models/openvamp-codec.safetensors, openvamp.safetensors, openvamp_small.safetensors
#        results/corpus/small.csv                      what the last of them learned from
#        results/tokens/{split}/{shard}.npz            tokens of the tracks, by openvamp's codec
#        results/generation/prompts.parquet            what is vamped upon
#        results/vamps/{generator}/{shard}.parquet     one row a vamp, with its provenance
#        results/vamps/{generator}/audio/              the vamps, and their tokens
#        results/clips/vamps-{generator}/{shard}.parquet, prompts-{generator}/{shard}.parquet
#        results/tables/{openvamp,openvamp_training,openvamp_small_training,codec,ngram_overlap}.csv
#        results/generation/ngram_overlap.parquet      the same of each vamp

import json

from musical_roots.generators.base import GENERATORS

OPENVAMP, GENERATION = config["generators"]["openvamp"], config["generation"]
OPENVAMP_SMALL = config["generators"]["openvamp_small"]["activate"]
# of the network, on all of the train split or on a part of it
TRAINING = stage("train openvamp") | {
    "train": lambda wildcards, input: each("--train-tokens", input.train),
    "control": lambda wildcards, input: each("--control-tokens", input.control),
    "flags": flags(
        OPENVAMP, "width", "layers", "steps", "batch", "precision", "shipped"
    ),
    "device": DEVICE,
}


if OPENVAMP["checkpoint"]:
    GIVEN = [
        f"{OPENVAMP['checkpoint']}/{file}"
        for file in [
            *(os.path.basename(path) for path in STUDY.models["openvamp"].files),
            "openvamp_training.csv",
        ]
    ]
    for path in GIVEN:
        if not os.path.isfile(path):
            stop(
                f"generators.openvamp.checkpoint: there is no {path}; mend it, or set it to null"
            )

    rule openvamp_checkpoint:
        input:
            GIVEN,
            tracks="<results>/corpus/tracks.csv",
        output:
            codec="<results>/models/openvamp-codec.safetensors",
            weights="<results>/models/openvamp.safetensors",
            curve="<results>/tables/openvamp_training.csv",
        log:
            "<logs>/openvamp_checkpoint.log",
        params:
            **stage("generate take-openvamp"),
            folder=OPENVAMP["checkpoint"],
            flags=flags(OPENVAMP, "codebooks", "entries", "width", "layers"),
        message:
            "Taking openvamp from {params.folder}"
        shell:
            "{params.call} --log {log:q} --folder {params.folder:q} --tracks {input.tracks:q}"
            " {params.flags} --codec-out {output.codec:q} --weights-out {output.weights:q}"
            " --curve-out {output.curve:q}"

else:

    rule train_openvamp_codec:
        input:
            tracks="<results>/corpus/tracks.csv",
        output:
            codec="<results>/models/openvamp-codec.safetensors",
        log:
            "<logs>/train_openvamp_codec.log",
        benchmark:
            "<benchmarks>/train_openvamp_codec.tsv"
        # what the longest job waits for comes first
        priority: 10
        resources:
            mem_mb=4000,
        params:
            **stage("train openvamp-codec"),
            flags=flags(OPENVAMP, "codebooks", "entries", "decoder_steps", "shipped"),
        message:
            "Training openvamp's codec on the train split, or taking it"
        shell:
            "{params.call} --log {log:q} --tracks {input.tracks:q} {params.flags}"
            " --out {output.codec:q}"

    rule train_openvamp:
        input:
            codec="<results>/models/openvamp-codec.safetensors",
            train=STUDY.tokens("train"),
            control=STUDY.tokens("control"),
        output:
            weights="<results>/models/openvamp.safetensors",
            curve="<results>/tables/openvamp_training.csv",
        log:
            "<logs>/train_openvamp.log",
        benchmark:
            "<benchmarks>/train_openvamp.tsv"
        priority: 10
        resources:
            mem_mb=4000,
            runtime=1440,
            gpu=GPU,
        params:
            **TRAINING,
        message:
            "Training openvamp on the train split, or taking it"
        shell:
            "{params.call} --log {log:q} {params.train} {params.control} {params.flags}"
            " --codec {input.codec:q} --device {params.device} --out {output.weights:q}"
            " --curve-out {output.curve:q}"


# What a second model learned from: drawn here, or listed by who trained it.
if STUDY.small_listed:

    rule small_listed:
        input:
            tracks="<results>/corpus/tracks.csv",
            listed=STUDY.small_listed,
        output:
            small="<results>/corpus/small.csv",
        log:
            "<logs>/small.log",
        params:
            **stage("corpus small-listed"),
        message:
            "Finding the small training set among the tracks"
        shell:
            "{params.call} --log {log:q} --tracks {input.tracks:q} --listed {input.listed:q}"
            " --out {output.small:q}"

else:

    rule small:
        input:
            tracks="<results>/corpus/tracks.csv",
        output:
            small="<results>/corpus/small.csv",
        log:
            "<logs>/small.log",
        params:
            **stage("corpus small"),
            flags=flags(
                config["generators"]["openvamp_small"] | config["corpus"],
                "share",
                "split_artists",
            ),
        message:
            "Drawing a small training set"
        shell:
            "{params.call} --log {log:q} --tracks {input.tracks:q} {params.flags}"
            " --out {output.small:q}"


rule train_openvamp_small:
    input:
        codec="<results>/models/openvamp-codec.safetensors",
        train=STUDY.tokens("train"),
        control=STUDY.tokens("control"),
        small="<results>/corpus/small.csv",
    output:
        weights="<results>/models/openvamp_small.safetensors",
        curve="<results>/tables/openvamp_small_training.csv",
    log:
        "<logs>/train_openvamp_small.log",
    benchmark:
        "<benchmarks>/train_openvamp_small.tsv"
    priority: 10
    resources:
        mem_mb=4000,
        runtime=1440,
        gpu=GPU,
    params:
        **TRAINING,
    message:
        "Training openvamp on a part of the train split, or taking it"
    shell:
        "{params.call} --log {log:q} {params.train} {params.control} {params.flags}"
        " --codec {input.codec:q} --small {input.small:q} --device {params.device}"
        " --out {output.weights:q} --curve-out {output.curve:q}"


rule tokenise:
    input:
        tracks="<results>/corpus/tracks.csv",
        codec="<results>/models/openvamp-codec.safetensors",
    output:
        tokens="<results>/tokens/{split}/{shard}.npz",
    log:
        "<logs>/tokenise/{split}-{shard}.log",
    priority: 10
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        **stage("generate tokenise"),
        shard=lambda wildcards: f"{int(wildcards.shard)} {len(STUDY['train'].shards)}",
    message:
        "Turning {wildcards.split} tracks into tokens, part {wildcards.shard}"
    shell:
        "{params.call} --log {log:q} --tracks {input.tracks:q} --split {wildcards.split}"
        " --shard {params.shard} --codec {input.codec:q} --out {output.tokens:q}"


rule openvamp_quality:
    input:
        weights="<results>/models/openvamp.safetensors",
        small_weights=(
            f"{RESULTS}/models/openvamp_small.safetensors" if OPENVAMP_SMALL else []
        ),
        small=f"{RESULTS}/corpus/small.csv" if OPENVAMP_SMALL else [],
        train=STUDY.tokens("train"),
        control=STUDY.tokens("control"),
    output:
        table="<results>/tables/openvamp.csv",
    log:
        "<logs>/openvamp_quality.log",
    resources:
        mem_mb=4000,
    params:
        **stage("generate openvamp-quality"),
        train=lambda wildcards, input: each("--train-tokens", input.train),
        control=lambda wildcards, input: each("--control-tokens", input.control),
        small=lambda wildcards, input: " ".join(
            [
                each("--small", input.small),
                each("--small-weights", input.small_weights),
            ]
        ),
    message:
        "Measuring openvamp on train and control"
    shell:
        "{params.call} --log {log:q} --weights {input.weights:q} {params.small} {params.train}"
        " {params.control} --out {output.table:q}"


# VampNet's packages, in a folder that only its own process imports from.
rule vampnet:
    input:
        STUDY.models["vampnet"].packages,
    output:
        directory("<resources>/vampnet"),
    log:
        "<logs>/vampnet.log",
    params:
        flags="",
    message:
        "Installing VampNet beside the environment"
    shell:
        INSTALL


rule prompts:
    input:
        tracks="<results>/corpus/tracks.csv",
        lists=STUDY.corpus(),
    output:
        prompts="<results>/generation/prompts.parquet",
    log:
        "<logs>/prompts.log",
    params:
        **stage("generate prompts"),
        flags=flags(
            GENERATION | {"count": GENERATION["prompts"]}, "count", "duration_s"
        ),
    message:
        "Drawing prompts"
    shell:
        "{params.call} --log {log:q} --tracks {input.tracks:q} {params.flags}"
        " --out {output.prompts:q} {input.lists:q}"


rule vamp:
    input:
        prompts="<results>/generation/prompts.parquet",
        weights=lambda wildcards: STUDY.models[wildcards.generator].files,
    output:
        vamps="<results>/vamps/{generator}/{shard}.parquet",
    log:
        "<logs>/vamp/{generator}-{shard}.log",
    benchmark:
        "<benchmarks>/vamp/{generator}-{shard}.tsv"
    wildcard_constraints:
        generator="|".join(GENERATORS),
    priority: 5
    resources:
        mem_mb=6000,
        runtime=1440,
        gpu=GPU,
    params:
        **made_by("generate vamp"),
        # not an output: a vamp is named by all that it depends on, and a killed run goes on with it
        audio=f"{RESULTS}/vamps/{{generator}}/audio",
        settings=lambda wildcards: json.dumps(STUDY.settings(wildcards.generator)),
        flags=flags(GENERATION, "vamps_per_prompt"),
        shard=lambda wildcards: f"{int(wildcards.shard)} {GENERATION['shards']}",
        device=DEVICE,
    message:
        "Vamping with {wildcards.generator}, part {wildcards.shard}"
    shell:
        "{params.call} --log {log:q} --generator {wildcards.generator}"
        " --checkpoints {params.checkpoints:q} --device {params.device} --code {params.code}"
        " --prompts {input.prompts:q} --settings {params.settings:q} {params.flags} --shard {params.shard}"
        " --audio-out {params.audio:q} --out {output.vamps:q}"


EXTERNAL, OUTPUTS = config["generators"]["external"], ""
if EXTERNAL["activate"]:
    from musical_roots import external

    try:
        OUTPUTS = external.state(
            external.listed(EXTERNAL["root"], EXTERNAL["manifest"])
        )
    except InputError as error:
        stop(error)


rule external:
    input:
        lists=STUDY.corpus(),
        manifest=EXTERNAL["manifest"] or [],
    output:
        vamps="<results>/vamps/external/000.parquet",
        rejected="<results>/vamps/external/rejected.csv",
    log:
        "<logs>/external.log",
    params:
        **stage("generate external"),
        flags=flags(EXTERNAL | GENERATION, "root", "manifest", "duration_s"),
        # the audio is no input: there may be thousands of files, and a missing one is but rejected
        outputs=OUTPUTS,
    message:
        "Listing audio made elsewhere"
    shell:
        "{params.call} --log {log:q} {params.flags} --out {output.vamps:q}"
        " --rejected-out {output.rejected:q} {input.lists:q}"


rule vamp_clips:
    input:
        vamps="<results>/vamps/{generator}/{shard}.parquet",
    output:
        vamps="<results>/clips/vamps-{generator}/{shard}.parquet",
        prompts="<results>/clips/prompts-{generator}/{shard}.parquet",
    log:
        "<logs>/vamp_clips/{generator}-{shard}.log",
    params:
        **stage("generate vamp-clips"),
        clip_s=config["clips"]["duration_s"],
    message:
        "Cutting the vamps of {wildcards.generator} into clips, part {wildcards.shard}"
    shell:
        "{params.call} --log {log:q} --outputs {input.vamps:q} --clip-duration-s {params.clip_s}"
        " --out {output.vamps:q} --prompts-out {output.prompts:q}"


rule ngram_overlap:
    input:
        vamps=expand(
            "<results>/vamps/openvamp/{shard}.parquet",
            shard=STUDY["vamps-openvamp"].shards if OPENVAMP["activate"] else [],
        ),
        train=STUDY.tokens("train"),
        control=STUDY.tokens("control"),
        tracks="<results>/corpus/tracks.csv",
    output:
        table="<results>/tables/ngram_overlap.csv",
        each="<results>/generation/ngram_overlap.parquet",
    log:
        "<logs>/ngram_overlap.log",
    resources:
        mem_mb=4000,
    params:
        **stage("generate ngram-overlap"),
        vamps=lambda wildcards, input: each("--outputs", input.vamps),
        train=lambda wildcards, input: each("--train-tokens", input.train),
        control=lambda wildcards, input: each("--control-tokens", input.control),
        flags=flags(config["robustness"], "resamples", "confidence"),
    message:
        "Counting n-grams that openvamp's outputs share with music"
    shell:
        "{params.call} --log {log:q} {params.vamps} {params.train} {params.control} {params.flags}"
        " --tracks {input.tracks:q} --out {output.table:q} --ngram-overlap-out {output.each:q}"


rule codec_quality:
    input:
        codec="<results>/models/openvamp-codec.safetensors",
        lists=STUDY[STUDY.splits[-1]].lists(),
    output:
        table="<results>/tables/codec.csv",
    log:
        "<logs>/codec_quality.log",
    params:
        **stage("generate codec-quality"),
        flags=flags({"count": GENERATION["codec_clips"]}),
    message:
        "Measuring openvamp's codec"
    shell:
        "{params.call} --log {log:q} --codec {input.codec:q} {params.flags} --out {output.table:q}"
        " {input.lists:q}"


rule generation:
    input:
        [
            path
            for generator in STUDY.generators
            for path in STUDY[f"vamps-{generator}"].lists()
        ],
        STUDY.openvamp_tables(),
        "<results>/tables/openvamp_training.csv" if OPENVAMP["activate"] else [],
        "<results>/tables/openvamp_small_training.csv" if OPENVAMP_SMALL else [],
